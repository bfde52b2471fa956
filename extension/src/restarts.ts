// How often a server that crashed is started again.

export const MOST = 5;
export const WITHIN = 3 * 60 * 1000;

export interface Decision {
  readonly restart: boolean;
  readonly count: number;
}

/** Remembers crashes: five restarts in three minutes, then no more until somebody asks. */
export class Restarts {
  #crashes: number[] = [];

  crashed(now: number): Decision {
    this.#crashes = [...this.#crashes.filter((each) => now - each < WITHIN), now];
    return { restart: this.#crashes.length <= MOST, count: this.#crashes.length };
  }

  forget(): void {
    this.#crashes = [];
  }
}

/** Why a process ended, as far as can be told: its exit and the last line that it wrote to its error stream. */
export function reason(code: number | null, signal: NodeJS.Signals | null, errors: string): string {
  const ended = signal !== null ? `was ended by ${signal}` : `ended with status ${String(code ?? "unknown")}`;
  const last = errors
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .at(-1);
  return last === undefined ? ended : `${ended}: ${last.slice(0, 200)}`;
}

export function gaveUp(why: string): string {
  return `The trainlint server crashed ${String(MOST + 1)} times in three minutes and is not started again. The last time it ${why}.`;
}
