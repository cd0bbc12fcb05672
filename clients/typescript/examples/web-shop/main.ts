/** Runs the shop until it is told to stop; shop.ts says how. */
import { createShop, openClient } from './shop.js';

const [port, ...addresses] = process.argv.slice(2);
if (port === undefined || addresses.length === 0) {
  console.error('usage: node main.js PORT HARRIER_ADDRESS …');
  process.exit(64);
}
const client = openClient(addresses, process.env.HARRIER_TOKEN);
const shop = createShop(client);
shop.listen(Number(port), '127.0.0.1', () => {
  const address = shop.address();
  console.log(`listening on ${typeof address === 'object' && address ? address.port : port}`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    // First the customers who are there, then the connection.
    shop.close(() => {
      void client.close();
    });
    shop.closeIdleConnections();
  });
}
