/** An `Ingest` that lets everybody in but a few, and writes down what publishers put in. */

import type {
  AccessUnit,
  Announced,
  AudioConfig,
  Ingest,
  PublisherConnection,
  PublisherInput,
  PublishReply,
  PublishRequest,
  VideoConfig,
} from "../../media-worker/live/media.ts";
import type { EndReason } from "../../schema/contract/media.ts";

export class RecordedSession implements PublisherInput {
  readonly request: PublishRequest;
  readonly connection: PublisherConnection;
  readonly announced: Announced[] = [];
  readonly videoConfigs: VideoConfig[] = [];
  readonly audioConfigs: AudioConfig[] = [];
  readonly units: AccessUnit[] = [];
  readonly droppedCodecs: string[] = [];
  ended: EndReason | null = null;
  /** Calls after the end, or a second end: there must be none. */
  late = 0;
  /** Called with each unit. */
  onUnit: ((unit: AccessUnit) => void) | null = null;

  constructor(request: PublishRequest, connection: PublisherConnection) {
    this.request = request;
    this.connection = connection;
  }

  announce(announced: Announced): void {
    this.#check();
    this.announced.push(announced);
  }
  video(config: VideoConfig): void {
    this.#check();
    this.videoConfigs.push(config);
  }
  audio(config: AudioConfig): void {
    this.#check();
    this.audioConfigs.push(config);
  }
  unit(unit: AccessUnit): void {
    this.#check();
    this.units.push(unit);
    this.onUnit?.(unit);
  }
  dropped(_kind: "video" | "audio", codec: string): void {
    this.#check();
    this.droppedCodecs.push(codec);
  }
  end(reason: EndReason): void {
    this.#check();
    this.ended = reason;
  }

  get pictures(): AccessUnit[] {
    return this.units.filter((unit) => unit.kind === "video");
  }
  get sounds(): AccessUnit[] {
    return this.units.filter((unit) => unit.kind === "audio");
  }

  #check(): void {
    if (this.ended !== null) this.late++;
  }
}

export class IngestRecorder implements Ingest {
  readonly sessions: RecordedSession[] = [];
  readonly requests: PublishRequest[] = [];
  /** What is answered instead of letting in; may be slow. */
  answer: ((request: PublishRequest) => Promise<PublishReply | null> | PublishReply | null) | null = null;

  async publish(request: PublishRequest, connection: PublisherConnection): Promise<PublishReply> {
    this.requests.push(request);
    const answer = await this.answer?.(request);
    if (answer) return answer;
    const session = new RecordedSession(request, connection);
    this.sessions.push(session);
    return { ok: true, input: session };
  }
}
