// What the server answers to its commands, as far as the extension reads it.

export interface Place {
  readonly uri: string;
  readonly line: number;
  readonly character: number;
  /** For people: "line 3", "cell 2, line 1", "line 5 of data.py". */
  readonly label: string;
}

export interface Result {
  readonly verdict: string;
  readonly attribution: string | null;
  readonly text: string;
}

export interface Finding {
  readonly rule: string;
  readonly code: string;
  readonly message: string;
  readonly fingerprint: string;
  readonly place: Place | null;
}

export interface ProbedFinding extends Finding {
  readonly evidence: { readonly result: Result | null };
  readonly fixes: readonly { readonly title: string; readonly safety: string }[];
}

export interface OtherFinding extends Finding {
  readonly result: Result | null;
  /** Whether the result was measured on the text as it is now. */
  readonly current: boolean;
}

export interface Network {
  readonly backend: string | null;
  readonly device: { readonly name?: string; readonly reason?: string } | null;
  readonly seconds: number;
}

export interface Interpreter {
  readonly path: string;
  readonly reason: string;
}

export interface ProbeAnswer {
  readonly available: boolean;
  readonly message: string;
  readonly error?: string;
  readonly cancelled?: boolean;
  readonly interpreter?: Interpreter;
  readonly findings?: readonly ProbedFinding[];
  readonly others?: readonly OtherFinding[];
  readonly networks?: readonly Network[];
  readonly script?: { readonly entry: string };
  /** HTML, made and escaped by the server. */
  readonly report?: string;
  readonly lead?: string;
  readonly style?: string;
  readonly importance?: { readonly title: string; readonly colour: string } | null;
}

export interface Question {
  readonly available: boolean;
  readonly message?: string;
  readonly error?: string;
  readonly question?: string;
  readonly detail?: string;
}

export interface Applied {
  readonly applied: boolean;
  readonly message: string;
}

export interface Mark {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
  readonly fingerprint: string;
  readonly place: Place | null;
}

export interface Row {
  readonly cells: readonly string[];
  readonly place: Place | null;
  readonly findings: readonly Mark[];
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly place: Place | null;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
  readonly findings: readonly Mark[];
}

export interface ModelAnswer {
  readonly models: readonly {
    readonly place: Place | null;
    readonly understood: boolean;
    readonly missing: readonly string[];
  }[];
  readonly networks: readonly Table[];
  readonly statements: readonly {
    readonly name: string;
    readonly comment: string;
    readonly place: Place | null;
    readonly models: number;
  }[];
  /** Findings that belong to no network. */
  readonly elsewhere: readonly Mark[];
}

export interface RuleEntry {
  readonly name: string;
  readonly code: string;
  readonly category: string;
  readonly summary: string;
}

/** What a panel tells the extension. */
export type Message =
  | { readonly do: "reveal"; readonly place: Place }
  | { readonly do: "repair"; readonly fingerprint: string }
  | { readonly do: "probe"; readonly fingerprint: string | null }
  | { readonly do: "script"; readonly fingerprint: string | null }
  | { readonly do: "state"; readonly comment: string }
  | { readonly do: "explain"; readonly rule: string };
