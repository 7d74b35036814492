/** A viewer's stay, with an engine that does what the test says and a clock that stands still until told. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EngineEvents } from "../../../web/player/engine.ts";
import type { InfoReply } from "../../../web/player/info.ts";
import { Session } from "../../../web/player/session.ts";
import { createStore, type Store } from "../../../web/player/state.ts";

/** The little of a `<video>` that a session uses. */
class FakeVideo extends EventTarget {
  paused = true;
  muted = false;
  volume = 1;
  currentTime = 0;
  videoWidth = 640;
  /** Until where there is something to play. */
  end = 0;
  get buffered() {
    return { length: 1, start: () => 0, end: () => this.end };
  }
  /** What `play()` does next: resolve, or reject like a browser that wants a click. */
  allows: "sound" | "muted" | "nothing" = "sound";
  async play() {
    if (this.allows === "nothing" || (this.allows === "muted" && !this.muted)) {
      throw new DOMException("not allowed", "NotAllowedError");
    }
    this.paused = false;
    this.dispatchEvent(new Event("play"));
  }
  pause() {
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }
}

const info = (is_live: 0 | 1 | 2): InfoReply => ({
  kind: "info",
  info: { public_key: "pub_x", title: "T", is_live, viewer_count: 1, owner_username: "ada", started_at: null },
});

let video: FakeVideo;
let store: Store;
let page: EventTarget & { hidden: boolean };
let engines: (EngineEvents & { destroyed: boolean })[];
let reply: InfoReply;
let asked: number;
let session: Session;

const engine = () => engines.at(-1)!;
const phase = () => store.get().phase;
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", () => undefined);
  video = new FakeVideo();
  store = createStore();
  engines = [];
  asked = 0;
  reply = info(0);
  session = new Session({
    video: video as unknown as HTMLVideoElement,
    store,
    indexUrl: "/index.m3u8",
    open: (_video, _url, events) => {
      const opened = { ...events, destroyed: false };
      engines.push(opened);
      return {
        livePosition: () => 10,
        toLive: () => undefined,
        setQuality: () => undefined,
        destroy: () => {
          opened.destroyed = true;
        },
      };
    },
    info: async () => {
      asked += 1;
      return reply;
    },
    random: () => 0.5,
    now: () => performance.now(),
  });
  session.start();
});
afterEach(() => {
  session.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The index is there, the playlist goes on, pictures come. */
async function plays() {
  engine().qualities([{ index: 0, label: "360p" }]);
  engine().ready();
  engine().live(true);
  await wait(0);
  video.dispatchEvent(new Event("playing"));
  expect(phase()).toBe("playing");
}

describe("waiting", () => {
  test("a missing index is a publisher to wait for, and the picture comes by itself", async () => {
    engine().failed("gone");
    expect(phase()).toBe("waiting");
    await wait(2_000);
    expect(engines).toHaveLength(1);
    reply = info(1);
    await wait(2_000);
    expect(engines).toHaveLength(2);
    await plays();
  });

  test("while an index is on its way it is not asked for again", async () => {
    engine().failed("gone");
    reply = info(1);
    await wait(8_000);
    expect(engines).toHaveLength(2);
  });

  test("a stream that is live before its first segment is looked at soon, then less often", async () => {
    reply = info(1);
    engine().failed("gone");
    await wait(2_000);
    expect(engines).toHaveLength(2);
    for (const ms of [300, 600, 900]) {
      const before = engines.length;
      engine().failed("gone");
      await wait(ms - 1);
      expect(engines).toHaveLength(before);
      await wait(1);
      expect(engines).toHaveLength(before + 1);
    }
  });

  test("a hidden tab asks every 5 s, and at once when it is looked at", async () => {
    engine().failed("gone");
    page.hidden = true;
    await wait(2_000);
    const before = asked;
    await wait(10_000);
    expect(asked - before).toBe(2);
    page.hidden = false;
    page.dispatchEvent(new Event("visibilitychange"));
    expect(asked - before).toBe(3);
  });

  test("the playlist of a broadcast that is over is not played", async () => {
    engine().live(false);
    expect(phase()).toBe("ended");
    expect(engine().destroyed).toBe(true);
  });
});

describe("playing", () => {
  test("running dry is buffering, never an end", async () => {
    await plays();
    video.dispatchEvent(new Event("waiting"));
    expect(phase()).toBe("buffering");
    reply = info(0);
    await wait(60_000);
    expect(phase()).toBe("buffering");
    expect(engines).toHaveLength(1);
    video.dispatchEvent(new Event("playing"));
    expect(phase()).toBe("playing");
  });

  test("ENDLIST plays to the end, then waits for the next broadcast", async () => {
    await plays();
    engine().live(false);
    expect(phase()).toBe("playing");
    video.dispatchEvent(new Event("ended"));
    expect(phase()).toBe("ended");
    reply = info(1);
    await wait(2_000);
    expect(engines).toHaveLength(2);
    await plays();
  });

  test("an end that the element never reports is noticed", async () => {
    await plays();
    engine().live(false);
    video.dispatchEvent(new Event("waiting"));
    await wait(250);
    expect(phase()).toBe("ended");
  });

  test("what should still be playable after ENDLIST gets some seconds to play", async () => {
    await plays();
    video.end = 2;
    engine().live(false);
    video.dispatchEvent(new Event("waiting"));
    await wait(3_500);
    expect(phase()).toBe("buffering");
    await wait(500);
    expect(phase()).toBe("ended");
  });

  test("somebody who paused is not played to after a recovery", async () => {
    await plays();
    session.pause();
    engine().failed("network");
    await wait(1_000);
    engine().ready();
    await wait(0);
    expect(video.paused).toBe(true);
  });
});

describe("trouble", () => {
  test("a playlist that goes on while nothing plays is begun anew", async () => {
    await plays();
    video.dispatchEvent(new Event("waiting"));
    for (let updates = 0; updates < 12; updates += 1) engine().live(true);
    await wait(500);
    expect(engines).toHaveLength(2);
    expect(engines[0]?.destroyed).toBe(true);
    await plays();
  });

  test("network failures are tried again further and further apart, and told after a few", async () => {
    await plays();
    for (const ms of [500, 1_000, 2_000, 4_000]) {
      engine().failed("network");
      expect(phase()).toBe("buffering");
      const before = engines.length;
      await wait(ms - 1);
      expect(engines).toHaveLength(before);
      await wait(1);
      expect(engines).toHaveLength(before + 1);
    }
    engine().failed("network");
    expect(phase()).toBe("error");
    expect(store.get().problem).toBe("unreachable");
    await wait(5_000);
    await plays();
    expect(store.get().problem).toBeNull();
  });

  test("media failures are bounded; the viewer can try again", async () => {
    for (let failures = 0; failures < 6; failures += 1) {
      engine().failed("media");
      await wait(5_000);
    }
    expect(phase()).toBe("error");
    expect(store.get().problem).toBe("media");
    const before = engines.length;
    await wait(60_000);
    expect(engines).toHaveLength(before);
    session.retry();
    expect(engines).toHaveLength(before + 1);
    expect(phase()).toBe("loading");
  });

  test("a server that says nothing while one waits is shown, and heals by itself", async () => {
    engine().failed("gone");
    reply = { kind: "unreachable" };
    await wait(10_000);
    expect(store.get().problem).toBe("unreachable");
    reply = info(0);
    await wait(2_000);
    engine().failed("gone");
    expect(phase()).toBe("waiting");
  });

  test("a refused key ends the asking", async () => {
    engine().failed("refused");
    expect(store.get().problem).toBe("refused");
    const before = asked;
    await wait(60_000);
    expect(asked).toBe(before);
  });

  test("nothing goes on after the player is gone", async () => {
    engine().failed("gone");
    session.destroy();
    const before = asked;
    await wait(60_000);
    expect(asked).toBe(before);
    expect(engine().destroyed).toBe(false);
  });
});

describe("sound", () => {
  test("where the browser wants silence it plays muted and says so", async () => {
    video.allows = "muted";
    engine().ready();
    await wait(0);
    expect(video.paused).toBe(false);
    expect(store.get()).toMatchObject({ mutedByBrowser: true, blocked: false });
    video.muted = false;
    video.dispatchEvent(new Event("volumechange"));
    expect(store.get().mutedByBrowser).toBe(false);
  });

  test("where it wants a click it asks for one", async () => {
    video.allows = "nothing";
    engine().ready();
    await wait(0);
    expect(store.get().blocked).toBe(true);
    video.allows = "sound";
    session.play();
    await wait(0);
    expect(store.get().blocked).toBe(false);
  });
});
