/** A failure that is the user's to mend: printed as one line, without a stack. */
export class LaunchError extends Error {
  override name = "LaunchError";
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
