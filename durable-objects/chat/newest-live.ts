import type { ChannelConfig } from "#contract/chat";

/** A channel as D1 has it, with what is known of its stream: the stream's own object may have told that first. */
export function newestLive(config: ChannelConfig, known: ChannelConfig["stream"] | undefined): ChannelConfig {
  const { stream } = config;
  if (!stream || !known || known.live_version <= stream.live_version) return config;
  return { ...config, stream: { ...stream, is_live: known.is_live, live_version: known.live_version } };
}
