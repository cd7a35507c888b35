// Subscribes by both protocols' own clients to the server at the given address, and prints what each is told as a line of JSON.
import { createClient as createSocketClient } from 'graphql-ws';
import { createClient as createEventsClient } from 'graphql-sse';
import WebSocket from 'ws';

const url = process.argv[2];
const query = 'subscription { entityChanges(since: "0") { cursor change { ref } } }';
const clients = {
  ws: createSocketClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, lazy: true }),
  sse: createEventsClient({ url }),
};

for (const [name, client] of Object.entries(clients)) {
  const told = { ws: 0, sse: 0 };
  const failed = await new Promise((resolve) => {
    client.subscribe({ query: '{ nothing }' }, {
      next: (answer) => answer.errors && resolve(answer.errors),
      error: (errors) => resolve(errors),
      complete: () => {},
    });
  });
  console.log(JSON.stringify({ name, failed: failed[0].extensions.code }));
  await new Promise((resolve, reject) => {
    const stop = client.subscribe({ query }, {
      next: (answer) => {
        console.log(JSON.stringify({ name, told: answer.data.entityChanges }));
        told[name] += 1;
        if (told[name] === 2) {
          stop();
          resolve();
        }
      },
      error: reject,
      complete: () => {},
    });
  });
  client.dispose();
}
process.exit(0);
