/** Variables that a configuration may name: those of the process, handed over by whoever started it. */
export type Environment = Readonly<Record<string, string | undefined>>
