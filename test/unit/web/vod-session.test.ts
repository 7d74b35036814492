/** A viewer's stay at a recording, with an engine that does what the test says and a clock that stands still until told. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createStore, type Store } from "../../../web/player/store.ts";
import type { Stretch, VodEvents } from "../../../web/player/vod/engine.ts";
import { VodSession } from "../../../web/player/vod/session.ts";
import { initialVodState, type VodState } from "../../../web/player/vod/state.ts";

/** The little of a `<video>` that a session uses. */
class FakeVideo extends EventTarget {
  paused = true;
  muted = false;
  volume = 1;
  ended = false;
  seeking = false;
  duration = 100;
  defaultPlaybackRate = 1;
  playbackRate = 1;
  /** Until where there is something to play. */
  end = 100;
  allows = true;
  #time = 0;
  get currentTime() {
    return this.#time;
  }
  set currentTime(seconds: number) {
    this.#time = seconds;
    this.ended = false;
    for (const type of ["seeking", "timeupdate", "seeked"]) this.say(type);
  }
  get buffered() {
    return { length: 1, start: () => 0, end: () => this.end };
  }
  async play() {
    if (!this.allows) throw new DOMException("not allowed", "NotAllowedError");
    this.paused = false;
    this.say("play");
  }
  pause() {
    this.paused = true;
    this.say("pause");
  }
  say(type: string) {
    this.dispatchEvent(new Event(type));
  }
  /** Plays up to `seconds`. */
  playsTo(seconds: number) {
    this.#time = seconds;
    this.say("timeupdate");
  }
}

type Opened = VodEvents & Stretch & { url: string; destroyed: boolean };

let video: FakeVideo;
let store: Store<VodState>;
let opened: Opened[];
let kept: number[];
let renewed: () => Promise<string | null>;
let session: VodSession;

const engine = () => opened.at(-1)!;
const state = () => store.get();
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", () => undefined);
  video = new FakeVideo();
  store = createStore(initialVodState(100));
  opened = [];
  kept = [];
  renewed = async () => "/fresh.m3u8";
  session = new VodSession({
    video: video as unknown as HTMLVideoElement,
    store,
    url: "/index.m3u8",
    seams: [40],
    open: (_video, url, stretch, events) => {
      const each: Opened = { ...events, ...stretch, url, destroyed: false };
      opened.push(each);
      return {
        setQuality: () => undefined,
        destroy: () => {
          each.destroyed = true;
        },
      };
    },
    renew: () => renewed(),
    keep: (seconds) => kept.push(seconds),
    random: () => 0.5,
    now: () => performance.now(),
  });
});
afterEach(() => {
  session.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The engine has enough, and the element plays. */
async function plays() {
  video.say("loadedmetadata");
  await wait(0);
  video.say("playing");
  expect(state().phase).toBe("playing");
}

describe("beginning", () => {
  test("nothing is loaded before the viewer asks for it", async () => {
    session.start({ at: 0, autoplay: false });
    await wait(60_000);
    expect(opened).toHaveLength(0);
    session.play();
    expect(state().phase).toBe("loading");
    await plays();
    expect(video.paused).toBe(false);
  });

  test("a place that is chosen before is where loading begins", async () => {
    session.start({ at: 0, autoplay: false });
    session.seekTo(70);
    expect(engine()).toMatchObject({ at: 70, from: 40 });
    await plays();
    expect(video.currentTime).toBe(70);
  });

  test("where the browser wants a click it asks for one, and nothing plays without its sound", async () => {
    video.allows = false;
    session.start({ at: 12, autoplay: true });
    video.say("loadedmetadata");
    await wait(0);
    expect(state().blocked).toBe(true);
    expect(video.muted).toBe(false);
    video.allows = true;
    session.play();
    await wait(0);
    expect(state().blocked).toBe(false);
  });
});

describe("watching", () => {
  beforeEach(async () => {
    session.start({ at: 0, autoplay: true });
    await plays();
  });

  test("the place is taken down every few seconds, at a pause, and not at the end", () => {
    for (const seconds of [2, 4, 6, 8, 11, 12]) video.playsTo(seconds);
    expect(kept).toEqual([6, 11]);
    session.pause();
    expect(kept.at(-1)).toBe(12);
    video.ended = true;
    video.say("ended");
    expect(kept.at(-1)).toBe(100);
    expect(state().phase).toBe("ended");
  });

  test("after the end it plays again from the start, or from where one goes", async () => {
    video.ended = true;
    video.say("ended");
    session.seekTo(30);
    expect(video.currentTime).toBe(30);
    expect(state().phase).toBe("playing");
    video.ended = true;
    video.say("ended");
    session.play();
    expect(video.currentTime).toBe(0);
  });

  test("nobody gets beyond the ends", () => {
    session.seekTo(-20);
    expect(state().time).toBe(0);
    session.seekTo(500);
    expect(state().time).toBeLessThan(100);
    expect(engine().at).toBeGreaterThan(99);
  });

  test("a speed outlasts a media source that begins anew", () => {
    session.setSpeed(1.5);
    expect(video).toMatchObject({ playbackRate: 1.5, defaultPlaybackRate: 1.5 });
  });
});

describe("where a track comes or goes", () => {
  beforeEach(async () => {
    session.start({ at: 0, autoplay: true });
    await plays();
  });

  test("it plays up to there, then anew from there", async () => {
    expect(engine()).toMatchObject({ at: 0, from: 0, to: 40 });
    engine().exhausted();
    video.playsTo(30);
    expect(opened).toHaveLength(1);
    video.end = 39.9;
    video.playsTo(39.8);
    video.say("waiting");
    expect(opened).toHaveLength(2);
    expect(opened[0]?.destroyed).toBe(true);
    expect(engine()).toMatchObject({ from: 40, to: Number.POSITIVE_INFINITY });
    expect(engine().at).toBeCloseTo(40, 0);
    expect(state().phase).toBe("buffering");
  });

  test("waiting for what still loads is no end", () => {
    video.end = 20;
    video.playsTo(19.9);
    video.say("waiting");
    expect(state().phase).toBe("buffering");
    expect(opened).toHaveLength(1);
    engine().exhausted();
    expect(opened).toHaveLength(2);
  });

  test("going to the other side begins anew there, going elsewhere does not", async () => {
    session.seekTo(20);
    expect(opened).toHaveLength(1);
    session.seekTo(80);
    expect(engine()).toMatchObject({ at: 80, from: 40 });
    await plays();
    session.seekTo(5);
    expect(engine()).toMatchObject({ at: 5, from: 0, to: 40 });
  });
});

describe("trouble", () => {
  beforeEach(async () => {
    session.start({ at: 0, autoplay: true });
    await plays();
    video.playsTo(25);
  });

  test("it goes on where it was, further and further apart, and tells after a few tries", async () => {
    for (const ms of [500, 1_000]) {
      engine().failed("network");
      expect(state().phase).not.toBe("error");
      await wait(ms);
      expect(engine().at).toBe(25);
    }
    engine().failed("network");
    expect(state()).toMatchObject({ phase: "error", problem: "unreachable" });
    await wait(5_000);
    expect(opened).toHaveLength(4);
    expect(state().phase).toBe("error");
    await plays();
    expect(state().problem).toBeNull();
    expect(video.currentTime).toBe(25);
  });

  test("an address that ran out is renewed, once", async () => {
    engine().failed("refused");
    await wait(0);
    expect(engine()).toMatchObject({ url: "/fresh.m3u8", at: 25 });
    engine().failed("refused");
    await wait(0);
    expect(state()).toMatchObject({ phase: "error", problem: "gone" });
  });

  test("what has no address any more is gone; no answer is none", async () => {
    renewed = async () => {
      throw new Error("away");
    };
    engine().failed("gone");
    await wait(500);
    expect(opened).toHaveLength(2);
    renewed = async () => null;
    engine().failed("gone");
    await wait(0);
    expect(state()).toMatchObject({ phase: "error", problem: "gone" });
    const before = opened.length;
    await wait(60_000);
    expect(opened).toHaveLength(before);
  });

  test("media failures are bounded; the viewer can try again", async () => {
    for (let failures = 0; failures < 6; failures += 1) engine().failed("media");
    expect(state()).toMatchObject({ phase: "error", problem: "media" });
    session.retry();
    expect(state().phase).toBe("loading");
    expect(engine().at).toBe(25);
  });

  test("nothing goes on after the player is gone", async () => {
    engine().failed("network");
    session.destroy();
    const before = opened.length;
    await wait(60_000);
    expect(opened).toHaveLength(before);
  });
});
