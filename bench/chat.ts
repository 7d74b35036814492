/**
 * R8 and R9: one chat room with a thousand sockets, in turn served by a bare `ws` server in a process of its own, by
 * the Durable Object one would write first (no history, no order, no accounts), and by Sluice with single frames and
 * with `sluice.batch.v1`. The members are one Node process, apart from the servers. Every member is a user of its own
 * and all send in turn, so that Sluice's limit of 5 messages in 5 s is as in production and met by nobody.
 *
 * R8: deliveries a second while a fixed number of messages is under way at any time. R9: from when a message is due to
 * be sent until each member has it, at 20 messages a second of 40 senders; Sluice keeps its history meanwhile.
 *
 *   npx node bench/chat.ts [runs] [sockets] [seconds of R9]
 */
import { startChatEdge } from "../test/harness/chat-edge.ts";
import { type ChatPeer, type Flow, type Latencies, LoadedRoom } from "./chat-load.ts";
import { naiveObject, sluice, startBareServer } from "./chat-peers.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";

const RUNS = Number(process.argv[2] ?? 5);
const SOCKETS = Number(process.argv[3] ?? 1000);
const PACE_SECONDS = Number(process.argv[4] ?? 30);
/** The peers' latency is for orientation, and is not budgeted. */
const PEER_PACE_SECONDS = Math.min(3, PACE_SECONDS);
const IN_FLIGHT = 64;
/** No run begins that would end after it. */
const MOST_SECONDS = 570;
const WARM_SECONDS = 1;
const SATURATE_SECONDS = 3;
const PER_SECOND = 20;
const SENDERS = 40;

type Shot = { saturated: Flow; paced: Flow & Latencies; lost: number; doubled: number; enter_seconds: number };

async function measure(peer: ChatPeer, paceSeconds: number): Promise<Shot> {
  const began = performance.now();
  const room = await LoadedRoom.enter(peer, SOCKETS);
  const enter_seconds = (performance.now() - began) / 1000;
  try {
    const saturated = await room.saturate(IN_FLIGHT, WARM_SECONDS, SATURATE_SECONDS);
    const paced = await room.pace(PER_SECOND, Math.min(SENDERS, SOCKETS), paceSeconds);
    return { saturated, paced, ...room.faults(), enter_seconds };
  } finally {
    room.leave();
  }
}

const rateOf = ({ saturated }: Shot) => saturated.deliveries / saturated.seconds;

const began = performance.now();
const edge = await startChatEdge();
const bareServer = await startBareServer();
const naive = naiveObject(edge);
const users = await edge.users(SOCKETS);
const single = sluice(edge, users, false);
const batched = sluice(edge, users, true);
const peers = [bareServer, naive, single, batched];
const shots = new Map<string, Shot[]>(peers.map(({ name }) => [name, []]));
try {
  let longest = 0;
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    if ((start - began + longest) / 1000 > MOST_SECONDS) break;
    for (const peer of peers) {
      const shot = await measure(peer, peer === single || peer === batched ? PACE_SECONDS : PEER_PACE_SECONDS);
      shots.get(peer.name)?.push(shot);
      const { paced, lost, doubled } = shot;
      const rate = Math.round(rateOf(shot));
      console.log(
        `run ${run}, ${peer.name}: ${rate}/s, p99 ${paced.p99_ms.toFixed(1)} ms, ${lost} lost, ${doubled} doubled`,
      );
    }
    longest = Math.max(longest, performance.now() - start);
  }
} finally {
  bareServer.stop();
  await edge.stop();
}

/** The median of what `figure` says of each run. */
const of = ({ name }: ChatPeer, figure: (shot: Shot) => number) => median((shots.get(name) ?? []).map(figure));
/** The same for each peer. */
const each = (figure: (shot: Shot) => number, digits: number, from = peers) =>
  Object.fromEntries(from.map((peer) => [peer.name, Number(of(peer, figure).toFixed(digits))]));
const worst = (figure: (shot: Shot) => number) =>
  Object.fromEntries(peers.map(({ name }) => [name, Math.max(...(shots.get(name) ?? []).map(figure))]));
/** Median of the ratios run by run: what disturbed a run disturbed both of its sides. */
const ratio = (a: ChatPeer, b: ChatPeer) => {
  const rates = (peer: ChatPeer) => (shots.get(peer.name) ?? []).map(rateOf);
  const others = rates(b);
  return Number(median(rates(a).map((rate, run) => rate / (others[run] ?? Number.NaN))).toFixed(2));
};
const perMessage = (flow: Flow, call: string) => (flow.calls[call] ?? 0) / flow.messages;
const calls = (load: "saturated" | "paced") =>
  Object.fromEntries(
    ["deliver", "act", "visit"].map((call) => [
      call,
      each((shot) => perMessage(shot[load], call), 3, [single, batched]),
    ]),
  );

writeResults(
  "chat",
  {
    runs: shots.get(bareServer.name)?.length ?? 0,
    sockets: SOCKETS,
    users: SOCKETS,
    in_flight: IN_FLIGHT,
    R8_deliveries_per_s: each(rateOf, 0),
    R8_ratios: {
      "single frames ÷ naive object": { is: ratio(single, naive), must: 1 },
      "batched ÷ naive object": { is: ratio(batched, naive), must: 2 },
      "batched ÷ bare ws": { is: ratio(batched, bareServer), must: 0.8 },
    },
    cpu_while_saturated_percent_of_a_core: {
      server: each(({ saturated }) => (saturated.server_cpu / saturated.seconds) * 100, 0),
      members: each(({ saturated }) => (saturated.client_cpu / saturated.seconds) * 100, 0),
    },
    R9: {
      must_p99_ms: 100,
      p50_ms: each(({ paced }) => paced.p50_ms, 1),
      p99_ms: each(({ paced }) => paced.p99_ms, 1),
      worst_p99_ms: worst(({ paced }) => paced.p99_ms),
      max_ms: each(({ paced }) => paced.max_ms, 1),
      server_cpu_percent_of_a_core: each(({ paced }) => (paced.server_cpu / paced.seconds) * 100, 0),
    },
    lost: worst(({ lost }) => lost),
    doubled: worst(({ doubled }) => doubled),
    bytes_per_delivery: {
      saturated: each(({ saturated }) => saturated.bytes / saturated.deliveries, 0),
      paced: each(({ paced }) => paced.bytes / paced.deliveries, 0),
    },
    calls_per_message: { saturated: calls("saturated"), paced: calls("paced") },
    seconds_to_enter: each(({ enter_seconds }) => enter_seconds, 1),
  },
  Object.fromEntries(shots),
);
process.exit(0);
