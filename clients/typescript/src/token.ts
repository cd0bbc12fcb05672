/** Validates a token. Its value never appears in an error. */
import { InvalidError } from './errors.js';

export const TOKEN_SIZE_MAX = 256;

export function checkToken(token: unknown): string {
  if (typeof token !== 'string') {
    const got = token instanceof Promise ? 'a promise' : typeof token;
    throw new TypeError(`token: expected a string, or a function that returns one, not ${got}`);
  }
  if (token.length > TOKEN_SIZE_MAX || !/^[\x21-\x7e]*$/.test(token)) {
    throw new InvalidError(`expected at most ${TOKEN_SIZE_MAX} bytes of printable ASCII without spaces`, 'token');
  }
  return token;
}
