// Runs the commands of the runbook for dead letters, unchanged from docs/operations.md, against a
// gateway with dead letters.

import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { runProgram } from '../helpers/program.ts';
import { shopEvent } from '../helpers/shop-events.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

/** Programs that the commands need and this machine lacks. */
const missing = ['bash', 'curl', 'jq'].filter((program) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
});
if (missing.length > 0 && process.env['CI'])
  throw new Error(`The runbook cannot be tested: ${missing.join(', ')} not found.`);
if (missing.length > 0)
  process.stderr.write(
    `\n*** SKIPPED: the runbook for dead letters. ${missing.join(', ')} not found. ***\n\n`,
  );

const parked = 3;

describe.skipIf(missing.length > 0)('the runbook for dead letters', () => {
  it('works unchanged: it finds, corrects, replays and purges', async () => {
    await using folder = await temporaryFolder();
    await using gateway = await startGateway(folder.path);
    await gateway.ready();
    expect(
      await runProgram({
        script: 'cli/generator/generate.ts',
        flags: [
          '--count',
          '1000',
          '--burst',
          '--invalid-percent',
          '20',
          '--stream',
          'seed-10',
          '--target',
          gateway.url,
        ],
        environment: {},
      }),
    ).toMatchObject({ code: 0 });
    for (let index = 0; index < parked; index++) {
      await gateway.post(
        '/dlq/messages',
        JSON.stringify({
          reason: 'store_rejected',
          message: 'The disk was full.',
          value: JSON.stringify(shopEvent()),
        }),
      );
    }
    await until(
      'all dead letters are there',
      180_000,
      async () => (await gateway.stats()).dead_letters.open === 200 + parked,
    );

    const operations = await readFile(
      join(import.meta.dirname, '../../docs/operations.md'),
      'utf8',
    );
    const [, section = ''] = /^## Dead letters: .*\n([\s\S]*?)^## /m.exec(operations) ?? [];
    const commands = section
      .split('\n')
      .filter((line) => line.startsWith('    '))
      .map((line) => line.slice(4))
      .join('\n');
    const script = join(folder.path, 'runbook.sh');
    // The corrected dead letter is purged before the others are counted.
    await writeFile(
      script,
      commands
        .replace('http://127.0.0.1:8080', gateway.url)
        .replace(/"confirm": \d+/, `"confirm": ${parked}`),
    );
    const said = execFileSync('bash', ['-euo', 'pipefail', script], { encoding: 'utf8' });

    expect(said).toContain('product.price: got "');
    expect(said).toMatch(/"state": "replayed"/);
    expect(said).toContain(`"dry_run":true,"matching":${parked},"replayed":${parked},"refused":0`);
    expect(said).toContain(`{"replayed":${parked},"refused":0,"trouble":null}`);
    expect(said).toContain(`{"matching":${parked},"purged":0,`);
    expect(said).toContain(`{"matching":${parked},"purged":${parked},`);
    expect(said).not.toContain('urn:vectorstream:problem');
    await until(
      'the replayed events are stored',
      180_000,
      async () => (await gateway.stats()).store.events === 800 + parked + 1,
    );
    expect((await gateway.get('/dlq/stats')).body).toMatchObject({
      by_state: { open: 199, replayed: 0, purged: parked + 1 },
    });
  });
});
