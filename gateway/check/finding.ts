// Says what one check found.

export type Finding = {
  /** What was checked, such as `broker`. */
  readonly what: string;
  readonly isOk: boolean;
  /** What was found; when it is not ok, also what to do. */
  readonly says: string;
};

export const ok = (what: string, says: string): Finding => ({ what, isOk: true, says });
export const notOk = (what: string, says: string): Finding => ({ what, isOk: false, says });

/** A check that throws has found what its error says. */
export async function finding(what: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    return notOk(what, error instanceof Error ? error.message : String(error));
  }
}

/** ` ok broker …`, one line each. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings
    .map(({ what, isOk, says }) => `  ${isOk ? 'ok' : 'NO'}   ${what.padEnd(width)}  ${says}\n`)
    .join('');
}
