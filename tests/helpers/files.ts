/** Files for as long as a suite runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Files {
  /** Writes a file, objects as JSON, and says where. */
  write(name: string, content: string | object): string;
}

/** A folder of its own, from the moment the suite is described; it goes with the suite. */
export function useFiles(): Files {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  return {
    write(name, content) {
      const path = join(folder, name);
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    },
  };
}

/** A folder that is empty when a test begins. */
export function useFolder(): { readonly path: string } {
  let path = '';
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'holdfast-folder-'));
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
  };
}
