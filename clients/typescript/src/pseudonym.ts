/** Pseudonyms as the server makes them of a field with `protect: hmac`: docs/operations/pseudonyms.md. */
import { createHmac } from 'node:crypto';
import { InvalidError } from './errors.js';

const KEY_BYTES_MIN = 32;
const DOMAIN_BYTES_MAX = 64;
const VALUE_BYTES_MAX = 1024;
const DIGITS = 'abcdefghijklmnopqrstuvwxyz234567';
const KEY_ID = /^[a-z0-9]{1,8}$/;
const PSEUDONYM = /^p1\.[a-z0-9]{1,8}\.[a-z2-7]{25}[aeimquy4]$/;

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff;
    count += 8;
    for (; count >= 5; count -= 5) text += DIGITS.charAt((bits >> (count - 5)) & 31);
  }
  return count > 0 ? text + DIGITS.charAt((bits << (5 - count)) & 31) : text;
}

/**
 * The pseudonym of a value by this key. `domain` is the name of the protected field, or its `protect_as`. The value is
 * taken as it is: trim and fold it before, if the server's values are. Throws InvalidError.
 */
export function pseudonym(key: Uint8Array, keyId: string, domain: string, value: string): string {
  if (key.length < KEY_BYTES_MIN)
    throw new InvalidError(`the key has ${key.length} bytes; expected at least ${KEY_BYTES_MIN}`);
  if (!KEY_ID.test(keyId)) throw new InvalidError('a key id has 1 to 8 small letters and digits');
  const length = Buffer.byteLength(domain);
  if (length === 0 || length > DOMAIN_BYTES_MAX || domain.includes('\0'))
    throw new InvalidError(`expected a field's name of at most ${DOMAIN_BYTES_MAX} bytes`);
  if (Buffer.byteLength(value) > VALUE_BYTES_MAX)
    throw new InvalidError(`the value has ${Buffer.byteLength(value)} bytes; expected at most ${VALUE_BYTES_MAX}`);
  const mac = createHmac('sha256', key).update(`${domain}\0${value}`, 'utf8').digest();
  return `p1.${keyId}.${base32(mac.subarray(0, 16))}`;
}

/** Whether the value has exactly the form of a pseudonym. */
export function isPseudonym(value: string): boolean {
  return PSEUDONYM.test(value);
}
