/**
 * A small web shop that asks Harrier at the checkout.
 *
 *   POST /checkout      {"order": "1042", "product": "lamp", "quantity": 1, "card": "tok_9f3a", "email": "h:5d41402a"}
 *   POST /chargebacks   {"order": "1042"}                             the bank took the money back
 *
 * usage: node main.js PORT HARRIER_ADDRESS …          HARRIER_TOKEN in the environment, if the server asks for one
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Client, HarrierError, type Decision, type Transaction, type Verdict } from 'harrier-client';

const PRICES_MINOR: Readonly<Record<string, number>> = { lamp: 2900, chair: 14_900, table: 89_900 };
const BODY_SIZE_MAX = 16 * 1024;

/** Without an answer the shop goes on: it ships what it can afford to lose, and holds the rest for a person. */
export function fallback(payment: Transaction): Verdict {
  return (payment.amountMinor ?? 0) <= 5000 ? 'approve' : 'review';
}

const OUTCOMES: Readonly<Record<Verdict, { status: number; order: string }>> = {
  approve: { status: 201, order: 'paid' },
  review: { status: 202, order: 'held' },
  challenge: { status: 401, order: 'confirm with your bank' },
  decline: { status: 402, order: 'declined' },
};

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

class BadRequest extends Error {}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > BODY_SIZE_MAX) {
      throw new BadRequest(`more than ${BODY_SIZE_MAX} bytes`);
    }
    pieces.push(piece);
  }
  try {
    const read: unknown = JSON.parse(Buffer.concat(pieces).toString());
    if (typeof read === 'object' && read !== null) {
      return read as Record<string, unknown>;
    }
  } catch {
    // said below
  }
  throw new BadRequest('expected a JSON object');
}

function text(from: Record<string, unknown>, name: string): string {
  const value = from[name];
  if (typeof value !== 'string' || value === '') {
    throw new BadRequest(`${name}: expected a text`);
  }
  return value;
}

function payment(basket: Record<string, unknown>, request: IncomingMessage): Transaction {
  const product = text(basket, 'product');
  const price = Object.hasOwn(PRICES_MINOR, product) ? PRICES_MINOR[product] : undefined;
  const { quantity } = basket;
  if (price === undefined || typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1) {
    throw new BadRequest('expected a product that we have, and how many');
  }
  return {
    // The order's number, so that asking again, from here or after a restart, is the same question.
    id: `order-${text(basket, 'order')}`,
    eventTimeUs: Date.now() * 1000,
    amountMinor: price * quantity,
    currency: 'EUR',
    card: text(basket, 'card'),
    email: text(basket, 'email'),
    merchant: 'web-shop',
    channel: 'ecom',
    ip: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
  };
}

async function checkout(client: Client, request: IncomingMessage): Promise<Answer> {
  const asked = payment(await readJson(request), request);
  const { traceparent } = request.headers;
  const decision: Decision = await client.score(asked, typeof traceparent === 'string' ? { traceparent } : {});
  const { status, order } = OUTCOMES[decision.verdict];
  // What the rules say is for the shop's people, not for the customer.
  console.log(
    `${asked.id}: ${decision.verdict}${decision.fallback ? ` without an answer (${decision.fallbackReason})` : ''}`,
  );
  return { status, body: { order, checked: !decision.fallback } };
}

async function chargeback(client: Client, request: IncomingMessage): Promise<Answer> {
  const transactionId = `order-${text(await readJson(request), 'order')}`;
  const { changed } = await client.reportOutcome({ transactionId, label: 'chargeback' }, { deadlineMs: 2000 });
  return { status: 200, body: { changed } };
}

async function answer(client: Client, request: IncomingMessage): Promise<Answer> {
  try {
    if (request.method === 'POST' && request.url === '/checkout') {
      return await checkout(client, request);
    }
    if (request.method === 'POST' && request.url === '/chargebacks') {
      return await chargeback(client, request);
    }
    return { status: 404, body: { error: 'POST /checkout or POST /chargebacks' } };
  } catch (error) {
    if (error instanceof BadRequest) {
      return { status: 400, body: { error: error.message } };
    }
    if (error instanceof HarrierError) {
      // What no fallback stands in for: the shop sends something that the server refuses, or a chargeback has to wait.
      console.error(`${error.code}: ${error.field} ${error.message}`);
      return { status: error.code === 'not_found' ? 404 : 500, body: { error: 'please try again later' } };
    }
    throw error;
  }
}

export function createShop(client: Client): Server {
  return createServer((request, response) => {
    answer(client, request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      (error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      },
    );
  });
}

export function openClient(addresses: string[], token?: string): Client {
  return new Client({ addresses, deadlineMs: 150, fallback, ...(token === undefined ? {} : { token }) });
}
