/** An encoder as people run it: it pushes, and when its connection breaks it connects again. */
import { type Push, type PushOptions, push } from "./push.ts";

const RECONNECT_MS = 300;

/** One connection of the encoder. Times are UTC ms. */
export type Stretch = {
  begun_at: number;
  /** Null while it runs. */
  ended_at: number | null;
  /** Seconds of media. */
  sent: number;
};

export type Encoder = {
  /** All connections so far, also those that were refused. */
  stretches(): Stretch[];
  /** Ends the broadcast in good order. */
  stop(): Promise<void>;
};

export function startEncoder(url: string, options: PushOptions = {}): Encoder {
  const stretches: (Stretch & { push: Push })[] = [];
  let wanted = true;
  const run = async () => {
    while (wanted) {
      const one = push(url, options);
      const stretch = { begun_at: Date.now(), ended_at: null as number | null, sent: 0, push: one };
      stretches.push(stretch);
      await one.exited;
      stretch.ended_at = Date.now();
      if (wanted) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  };
  const over = run();
  return {
    stretches: () => stretches.map(({ push: one, ...stretch }) => ({ ...stretch, sent: one.sent() })),
    async stop() {
      wanted = false;
      await stretches.at(-1)?.push.stop();
      await over;
    },
  };
}
