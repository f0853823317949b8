/** Fields newer than the .proto files at hand, in the notation of `table.ts`; a message that is only here is new as a whole. */
export const newerFields: Readonly<Record<string, readonly string[]>> = {}
