/** Addresses of servers: tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc:///PATH, in nng's form. */
import { InvalidError } from './errors.js';

export type Address =
  { text: string; kind: 'tcp' | 'tls'; host: string; port: number } | { text: string; kind: 'ipc'; path: string };

// sockaddr_un holds 108 bytes on Linux and 104 elsewhere, the closing 0 included.
const PATH_SIZE_MAX = 103;

function addressError(text: string, words: string): InvalidError {
  return new InvalidError(`${JSON.stringify(text)}: ${words}`, 'addresses');
}

function parseIpc(text: string): Address {
  const path = text.slice('ipc://'.length);
  if (path === '' || path.includes('\0')) {
    throw addressError(text, 'expected a path, for example ipc:///run/harrier/harrier.sock');
  }
  if (Buffer.byteLength(path) > PATH_SIZE_MAX) {
    throw addressError(text, `the path of a socket has at most ${PATH_SIZE_MAX} bytes`);
  }
  return { text, kind: 'ipc', path };
}

export function parseAddress(text: string): Address {
  if (text.startsWith('ipc://')) {
    return parseIpc(text);
  }
  const found = /^(tcp|tls\+tcp):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^\s[\]:/?#@]+)):(\d{1,5})$/.exec(text);
  if (!found) {
    throw addressError(text, 'expected tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc:///PATH');
  }
  const port = Number(found[4]);
  if (port < 1 || port > 65535) {
    throw addressError(text, 'expected a port of 1 to 65535');
  }
  return { text, kind: found[1] === 'tcp' ? 'tcp' : 'tls', host: found[2] ?? found[3] ?? '', port };
}
