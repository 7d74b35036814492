/** The least that can be called chat: parses what comes and sends it to everybody. Says `{ port }` to its parent. */
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const text = data.toString();
    JSON.parse(text);
    for (const client of server.clients) client.send(text);
  });
});
server.on("listening", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit());
