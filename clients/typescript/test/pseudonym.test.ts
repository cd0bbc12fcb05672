/** Pseudonyms against tests/cases/pseudonyms.json. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InvalidError, isPseudonym, pseudonym } from '../src/index.js';

const CASES = join(process.cwd(), '../../tests/cases/pseudonyms.json');

interface Cases {
  pseudonyms: { key_id: string; key: string; domain: string; value: string; pseudonym: string }[];
  not_pseudonyms: string[];
}

describe('pseudonyms', () => {
  it('are as published', { skip: !existsSync(CASES) }, () => {
    const cases = JSON.parse(readFileSync(CASES, 'utf8')) as Cases;
    assert.ok(cases.pseudonyms.length > 50);
    for (const one of cases.pseudonyms) {
      const made = pseudonym(Buffer.from(one.key, 'hex'), one.key_id, one.domain, one.value);
      assert.equal(made, one.pseudonym);
      assert.ok(isPseudonym(made));
    }
    for (const other of cases.not_pseudonyms) assert.ok(!isPseudonym(other), other);
  });

  it('are refused for what is invalid', () => {
    const key = new Uint8Array(32);
    assert.throws(() => pseudonym(key.subarray(1), 'k1', 'card', 'a'), InvalidError);
    assert.throws(() => pseudonym(key, 'K1', 'card', 'a'), InvalidError);
    assert.throws(() => pseudonym(key, '', 'card', 'a'), InvalidError);
    assert.throws(() => pseudonym(key, 'k1', '', 'a'), InvalidError);
    assert.throws(() => pseudonym(key, 'k1', 'a\0b', 'a'), InvalidError);
    assert.throws(() => pseudonym(key, 'k1', 'card', 'a'.repeat(1025)), InvalidError);
  });
});
