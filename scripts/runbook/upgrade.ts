import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { acknowledged, isCompleted, Load } from '../../tests/helpers/load.ts';
import { ask } from '../../tests/helpers/outage.ts';
import { otherBuild } from '../rehearsal/other-build.ts';

export const heading = 'Upgrade';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {}, machines: at.isQuick ? 2 : 3 });
  const { machines } = site;
  const newer = otherBuild(at.folder, '99.0.0');
  // Clients that a load balancer sends to the machines that are not being upgraded.
  const sent = [];
  for (const [nth, machine] of machines.entries()) {
    const others = machines.filter((one) => one !== machine).map(({ url }) => url);
    const load = new Load(others, { perSecond: at.isQuick ? 20 : 100, name: `m${nth}` }).start();
    site.goTo(nth + 1);
    await load.answered(10);
    await at.until('ready', /"status":"ready".*"records":0,/);
    const { logs } = machine;
    assert.match(await at.command('holdfast config check'), /is usable/);
    await at.command('systemctl stop holdfast');
    assert.equal(machine.exitCode, 0);
    assert.match(await at.command('events server_stopped'), /"pendingRecords":0/);
    assert.equal(logs.of('server_draining').length, 1);
    machine.main = newer.main;
    await at.command('systemctl start holdfast');
    await at.command('until ready');
    await load.answered(20);
    sent.push(...(await load.stop()));
  }
  assert.deepEqual(
    sent.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text),
    [],
  );
  for (const nth of machines.keys()) {
    site.goTo(nth + 1);
    assert.equal(await at.command("events 'record_("), '');
  }
  const card = await (await fetch(new URL('/.well-known/agent-card.json', site.machine.url))).json();
  assert.equal((card as { version: string }).version, '99.0.0');
  // In any order: what a busy machine defers may be stored behind what came later.
  for (const [session, texts] of acknowledged(sent))
    assert.deepEqual((await ask(site.machine.url, 'recall', session)).split('\n').sort(), [...texts].sort());
}
