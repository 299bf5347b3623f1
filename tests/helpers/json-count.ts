/** How often a text is made JSON, and read from JSON, while `work` is done in this process. */
export async function countJson(
  marker: string,
  work: () => Promise<void>,
): Promise<{ written: number; read: number }> {
  const { parse, stringify } = JSON;
  const count = { written: 0, read: 0 };
  Object.assign(JSON, {
    stringify: (...args: Parameters<typeof stringify>) => {
      const text = stringify(...args) as string | undefined;
      if (text?.includes(marker) === true) count.written += 1;
      return text;
    },
    parse: (...args: Parameters<typeof parse>) => {
      if (args[0].includes(marker)) count.read += 1;
      return parse(...args) as unknown;
    },
  });
  try {
    await work();
  } finally {
    Object.assign(JSON, { parse, stringify });
  }
  return count;
}
