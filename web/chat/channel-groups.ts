/** The channels as the list shows them. Pure. */
import type { Channel } from "#contract/chat";

export type Group = { title: string; channels: Channel[] };

const byName = (one: Channel, other: Channel) => one.name.localeCompare(other.name);

/** Live ones first; the others as they were made. */
const byLife = (one: Channel, other: Channel) =>
  Number(other.stream_is_live === 1) - Number(one.stream_is_live === 1) || one.id - other.id;

/** Default ones, the others by category, then those of streams. Nothing empty. */
export function groupsOf(channels: readonly Channel[]): Group[] {
  const isDefault = (channel: Channel) => channel.is_default === 1;
  const own = channels.filter((channel) => !isDefault(channel) && !channel.is_stream_channel);
  const categories = [...Map.groupBy(own, ({ category }) => category)].sort(([one], [other]) =>
    one.localeCompare(other),
  );
  return [
    { title: "Channels", channels: channels.filter(isDefault) },
    ...categories.map(([title, of]) => ({ title, channels: of.toSorted(byName) })),
    { title: "Streams", channels: channels.filter((each) => each.is_stream_channel).toSorted(byLife) },
  ].filter((group) => group.channels.length > 0);
}
