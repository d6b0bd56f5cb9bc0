// `npm run check`: tries the settings and everything that they name, without starting a gateway.

import { resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { helpText } from '../config/config-help.ts';
import { sourceKind } from '../config/config.ts';
import { Settings } from '../config/live-settings.ts';
import { parseFlags } from '../config/parse-flags.ts';
import { SettingsError } from '../config/settings-mistakes.ts';
import { defaultSettingsFile, readSettingsFile } from '../gateway-command.ts';
import { checkKafka, checkModel, checkSchemaRegistry, checkStore } from './check-engines.ts';
import {
  checkBrowser,
  checkClock,
  checkDisk,
  checkFolder,
  checkGpu,
  checkPort,
} from './check-machine.ts';
import { finding, findingsText, notOk, ok, type Finding } from './finding.ts';

/** The exit code: 0, or 1 when something is not ok, or 2 when the settings are wrong. */
async function check(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  let file = defaultSettingsFile;
  let settings: Settings;
  try {
    const { help, version, configFile, flags } = parseFlags(argv);
    if (help) return say(helpText().replace('npm start', 'npm run check'), 0);
    if (version) return say(`${packageJson.version}\n`, 0);
    file = configFile ?? file;
    const yaml = await readSettingsFile(configFile);
    settings = new Settings({ yaml, env: environment, flags });
    await settings.loadOverrides();
  } catch (error) {
    const mistakes = error instanceof SettingsError ? error.located(file) : String(error);
    const findings = mistakes.split('\n').map((each) => notOk('settings', each));
    return say(findingsText(findings), 2);
  }
  const findings = await findingsOf(settings, environment);
  return say(findingsText(findings), findings.every(({ isOk }) => isOk) ? 0 : 1);
}

async function findingsOf(
  { config }: Settings,
  environment: NodeJS.ProcessEnv,
): Promise<readonly Finding[]> {
  const dataDir = resolve(config.gateway.dataDir);
  const clocks: number[] = [];
  const port = await finding('port', () => checkPort(config.gateway));
  const isRunning = port.says.startsWith('a gateway');
  const folder = await finding('data folder', async () => checkFolder(dataDir, isRunning));
  const topics = {
    ...(sourceKind(config) === 'kafka' && { topic: config.kafka.topic }),
    ...(config.sink.topic !== null && { sink: config.sink.topic }),
  };
  const store = await finding('store', () => checkStore(config, (now) => clocks.push(now)));
  return [
    ok('settings', 'each is allowed, and they fit together'),
    port,
    folder,
    ...(folder.isOk ? [await finding('disk', () => checkDisk(dataDir, config.ingest))] : []),
    ...(Object.keys(topics).length === 0 ? [] : await checkKafka(config.kafka, topics)),
    ...(config.schemaRegistry.url === null
      ? []
      : [await checkSchemaRegistry(config.schemaRegistry)]),
    store,
    await finding('model', () => checkModel(config, dataDir, environment)),
    checkClock(Date.now(), clocks),
    checkGpu(),
    await checkBrowser(environment),
  ];
}

function say(text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

process.exitCode = await check(process.argv.slice(2), process.env);
