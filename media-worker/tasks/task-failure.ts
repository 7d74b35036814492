import type { Blame } from "#contract/media";

/** Why a task did not succeed; `message` is for people. */
export class TaskFailure extends Error {
  override name = "TaskFailure";
  readonly blame: Blame;

  constructor(blame: Blame, message: string, options?: ErrorOptions) {
    super(message, options);
    this.blame = blame;
  }
}
