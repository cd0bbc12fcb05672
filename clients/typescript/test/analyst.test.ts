/** The calls of an analyst: their bytes, what they refuse to send, and what they make of answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import proto from '../proto/harrier.cjs';
import * as analyst from '../src/analyst_decode.js';
import { decodeResponse } from '../src/decode.js';
import {
  brakeRequest,
  changeRequest,
  explainRequest,
  listRequest,
  reloadRequest,
  type Request,
} from '../src/encode.js';
import {
  Client,
  EXPLAINED_KINDS,
  HarrierError,
  InvalidError,
  ProtocolError,
  RELOAD_RESULTS,
  RULE_FATES,
  RULE_MODES,
  THRESHOLD_ORIGINS,
  TooLargeError,
  type ListChange,
} from '../src/index.js';
import { encode, FakeServer, makeFolder, type Answer, type Asked, type Message } from './fake_server.js';

const CASES = join(process.cwd(), '../../tests/cases/wire');
const GOOD: ListChange = { list: 'l', value: 'v' };

interface Case {
  value: Record<string, Message>;
  hex: string;
}

function load(name: string): Case {
  return JSON.parse(readFileSync(join(CASES, `${name}.json`), 'utf8')) as Case;
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Holds every member of ours against the value in protobuf's JSON form, by its name: nothing is forgotten. */
function compare(mine: unknown, theirs: unknown, path: string): void {
  if (Array.isArray(mine)) {
    const others = (theirs ?? []) as unknown[];
    assert.equal(mine.length, others.length, path);
    for (const [index, one] of mine.entries()) {
      compare(one, others[index], `${path}[${index}]`);
    }
  } else if (/(snapshotId|generationId|definition)$/.test(path)) {
    assert.match(String(mine), /^[0-9a-f]{16}$/, path);
    assert.equal(BigInt(`0x${String(mine)}`), BigInt((theirs as string | undefined) ?? 0), path);
  } else if (typeof mine === 'object' && mine !== null) {
    const others = new Map(Object.entries((theirs ?? {}) as Message).map(([name, value]) => [camel(name), value]));
    for (const [name, value] of Object.entries(mine)) {
      compare(value, others.get(name), `${path}.${name}`);
      others.delete(name);
    }
    assert.deepEqual([...others.keys()], [], `${path} is without these`);
  } else if (typeof theirs === 'string' && /^(VERDICT|LABEL|RELOAD|RULE|EXPLAINED|THRESHOLD)_/.test(theirs)) {
    assert.ok(theirs.endsWith(`_${String(mine).toUpperCase()}`), `${path}: ${String(mine)}, expected ${theirs}`);
  } else if (theirs === undefined) {
    assert.ok(
      [0, '', false, null, 'none', 'live', 'other', 'false'].includes(mine as never),
      `${path}: ${String(mine)}`,
    );
  } else {
    assert.equal(String(mine), (theirs as string | number | boolean).toString(), path);
  }
}

/** Values as the protocol has them, for comparison with our maps. */
function plain(values: unknown): Message {
  const kinds = ['flag', 'integer', 'number', 'text'];
  const listed = (values ?? []) as Message[];
  return Object.fromEntries(
    listed.map((one): [string, unknown] => [one.name as string, one[kinds.find((kind) => kind in one) ?? ''] ?? null]),
  );
}

describe('requests of an analyst', () => {
  const expect = (name: string, request: Request): void => {
    const { value, hex } = load(name);
    const out = Buffer.alloc(request.sizeMax);
    const leftMs = Number(value.deadline_us ?? 1) / 1000;
    const expected = 'deadline_us' in value ? hex : hex.replace(/^0801/, '08011001');
    assert.equal(out.subarray(0, request.write(out, 0, leftMs, '')).toString('hex'), expected, name);
  };

  it('are the bytes of the cases', () => {
    const changes = load('request_change_list').value.change_list!.changes as Message[];
    const toChange = ({ expiry_time_us, ...others }: Message): ListChange => ({
      ...(others as unknown as ListChange),
      ...(expiry_time_us === undefined ? {} : { expiryTimeUs: Number(expiry_time_us) }),
    });
    expect('request_change_list', changeRequest(changes.map(toChange), null));
    const asked = load('request_get_list').value.get_list!;
    expect(
      'request_get_list',
      listRequest(asked.list as string, Number(asked.after_position), Number(asked.limit), null),
    );
    expect('request_get_list_all', listRequest('', undefined, undefined, null));
    const lift = { rule: 'night_spree', source: 'analyst:7', reason: 'the sale is over' };
    expect('request_change_brake', brakeRequest(lift, null));
    expect('request_change_brake_policy', brakeRequest({ policy: true, pull: true }, null));
    expect('request_reload', reloadRequest(true, null));
    expect('request_explain', explainRequest(load('request_explain').value.explain!.transaction_id as string, null));
  });

  it('refuse what a field cannot hold, with the field', () => {
    const change = (part: Partial<ListChange>) => (): Request => changeRequest([GOOD, { ...GOOD, ...part }], null);
    const wrong: [() => Request, string][] = [
      [change({ list: '\ud800' }), 'list'],
      [change({ value: '\ud800' }), 'value'],
      [change({ source: '\ud800' }), 'source'],
      [change({ reason: '\ud800' }), 'reason'],
      [change({ expiryTimeUs: 1.5 }), 'expiry_time_us'],
      [change({ expiryTimeUs: 2 ** 53 }), 'expiry_time_us'],
      [() => listRequest('\ud800', undefined, undefined, null), 'list'],
      [() => listRequest('l', -1, undefined, null), 'after_position'],
      [() => listRequest('l', 2 ** 53, undefined, null), 'after_position'],
      [() => listRequest('l', undefined, -1, null), 'limit'],
      [() => listRequest('l', undefined, 2 ** 32, null), 'limit'],
      [() => brakeRequest({ rule: '\ud800' }, null), 'rule'],
      [() => brakeRequest({ rule: 'r', definition: '7' }, null), 'definition'],
      [() => explainRequest('\ud800', null), 'transaction_id'],
    ];
    for (const [made, field] of wrong) {
      assert.throws(
        made,
        (error: HarrierError) => error instanceof InvalidError && error.field === field && error.decided === false,
        field,
      );
    }
  });

  it('refuse wrong types as the language does', () => {
    const typed = (part: Record<string, unknown>) => (): Request => changeRequest([{ ...GOOD, ...part }], null);
    for (const wrong of [{ list: 7 }, { value: null }, { remove: 'no' }, { expiryTimeUs: '1' }, { source: 7 }]) {
      assert.throws(typed(wrong), TypeError, JSON.stringify(wrong));
    }
    assert.throws(() => changeRequest('l' as unknown as ListChange[], null), TypeError);
    assert.throws(() => reloadRequest('yes' as unknown as boolean, null), TypeError);
    assert.throws(() => explainRequest(7 as unknown as string, null), TypeError);
  });

  it('refuse too few, too many and too much', () => {
    assert.throws(() => changeRequest([], null), InvalidError);
    assert.equal(changeRequest(new Array<ListChange>(1000).fill(GOOD), null).count, 1000);
    assert.throws(() => changeRequest(new Array<ListChange>(1001).fill(GOOD), null), TooLargeError);
    const long = new Array<ListChange>(1000).fill({ list: 'l', value: 'x'.repeat(3000) });
    assert.throws(() => changeRequest(long, null), TooLargeError);
  });
});

describe('answers to an analyst', () => {
  it('have every field of the cases', () => {
    const read = <T>(name: string, request: Request, of: (response: ReturnType<typeof decodeResponse>) => T): T =>
      of(decodeResponse(Buffer.from(load(name).hex, 'hex'), request));

    const results = load('response_change_list').value.change_list!.results as Record<string, Message>[];
    const changes = read(
      'response_change_list',
      changeRequest(
        results.map(() => GOOD),
        null,
      ),
      analyst.changes,
    );
    for (const [index, { changed, error }] of results.entries()) {
      const one = changes[index]!;
      if (one instanceof HarrierError) {
        assert.deepEqual([`ERROR_${one.code.toUpperCase()}`, one.field], [error!.code, error!.field]);
      } else {
        compare(one, changed, 'changed');
      }
    }
    const page = read('response_get_list', listRequest('', undefined, undefined, null), analyst.listPage);
    compare(page, load('response_get_list').value.get_list, 'page');
    assert.ok(page.lists.length > 0 && page.entries.length > 0);
    const brake = read('response_change_brake', brakeRequest({ rule: 'r' }, null), analyst.brakeChanged);
    compare(brake, load('response_change_brake').value.change_brake, 'brake');
    const reload = read('response_reload', reloadRequest(true, null), analyst.reload);
    compare(reload, load('response_reload').value.reload, 'reload');

    const { then, transaction, ...others } = read('response_explain', explainRequest('t-1', null), analyst.explanation);
    const { then: theirPolicy, transaction: sent, ...theirs } = load('response_explain').value.explain!;
    const { archived, ...rest } = others;
    const { features, fallback, fallbackReason, ...archivedRest } = archived;
    assert.deepEqual([features, fallback, fallbackReason], [{}, false, '']);
    compare({ ...rest, archived: archivedRest }, theirs, 'explanation');
    compare(transaction, { id: 't-1', ...(sent as Message) }, 'transaction');
    const { decision, fields, rules, computed, ...policy } = then;
    const expected = theirPolicy as Record<string, unknown>;
    const { features: derived, ...decided } = expected.decision as Message;
    assert.deepEqual(Object.entries(decision!.features), [
      ['card.count_10m', 5],
      ['card.mean_1d', null],
    ]);
    assert.equal((derived as Message[]).length, 2);
    const decisionRest: Record<string, unknown> = { ...decision };
    for (const name of ['features', 'fallback', 'fallbackReason']) {
      Reflect.deleteProperty(decisionRest, name);
    }
    compare(decisionRest, decided, 'decision');
    assert.deepEqual(fields, plain(expected.fields));
    // The value of a part is a message in the protocol.
    const parts = (given: unknown): unknown =>
      (given as Message[]).map((one) => ({
        ...one,
        parts: ((one.parts ?? []) as Message[]).map((part) => ({
          ...part,
          ...('value' in part ? { value: Object.values(part.value as Message)[0] } : {}),
        })),
      }));
    compare(rules, parts(expected.rules), 'rules');
    compare(computed, parts(expected.computed), 'computed');
    for (const name of ['decision', 'fields', 'rules', 'computed']) {
      Reflect.deleteProperty(expected, name);
    }
    compare(policy, expected, 'then');
  });

  it('have a name for every number of an enum', () => {
    const names = (numbers: object): string[] =>
      Object.entries(numbers)
        .sort(([, a], [, b]) => Number(a) - Number(b))
        .map(([name]) => name);
    const v1 = proto.harrier.v1;
    for (const [mine, numbers, prefix] of [
      [EXPLAINED_KINDS, v1.ExplainedKind, 'EXPLAINED_KIND_'],
      [THRESHOLD_ORIGINS, v1.ThresholdOrigin, 'THRESHOLD_ORIGIN_'],
      [RULE_MODES, v1.RuleMode, 'RULE_MODE_'],
      [RULE_FATES, v1.RuleFate, 'RULE_FATE_'],
    ] as const) {
      const wanted = names(numbers).filter((name) => name.startsWith(prefix));
      assert.deepEqual(
        mine.map((name) => prefix + name.toUpperCase()),
        wanted,
      );
    }
    const results = names(v1.ReloadResult).filter((name) => name.startsWith('RELOAD_'));
    assert.deepEqual(
      RELOAD_RESULTS.map((name) => (name === 'none' ? 'RELOAD_UNSPECIFIED' : `RELOAD_${name.toUpperCase()}`)),
      results,
    );
  });

  const decision = { transaction_id: 't', verdict: 1 };
  const explain = (part: Message, policy: Message = {}): ReturnType<typeof analyst.explanation> => {
    const then = { decision, ...policy };
    const bytes = encode({ explain: { transaction: { id: 't' }, archived: decision, then, ...part } });
    return analyst.explanation(decodeResponse(bytes, explainRequest('t', null)));
  };

  it('take an unknown kind for another one, and refuse other unknown values', () => {
    const rules = [{ parts: [{ text: 'new', kind: 77 }] }];
    assert.equal(explain({}, { rules }).then.rules[0]!.parts[0]!.kind, 'other');
    for (const [part, policy] of [
      [{ transaction: null }],
      [{ archived: null }],
      [{ archived: { verdict: 9 } }],
      [{ then: null }],
      [{ outcomes: [{ label: 9 }] }],
      [{ transaction: { attributes: [{ name: 'a' }] } }],
      [{}, { decision: { verdict: 0 } }],
      [{}, { models: [{ contributions: [1] }] }],
      [{}, { rules: [{ mode: 9 }] }],
      [{}, { rules: [{ fate: 99 }] }],
      [{}, { rules: [{ verdict_on_error: 9 }] }],
      [{}, { cutoffs: [{ score: 1 }] }],
      [{}, { computed: [{ parts: [{ origin: 9 }] }] }],
    ] as [Message, Message?][]) {
      assert.throws(
        () => explain(part, policy),
        (error: HarrierError) => error instanceof ProtocolError && error.decided === 'unknown',
        JSON.stringify([part, policy]),
      );
    }
    const refused = { reload: { result: 9 } };
    assert.throws(() => analyst.reload(decodeResponse(encode(refused), reloadRequest(true, null))), ProtocolError);
  });

  it('have no decision if the policy refuses the transaction', () => {
    const { then } = explain({}, { decision: null, refusal: 'no card', refused_field: 'card' });
    assert.deepEqual([then.decision, then.refusal, then.refusedField, then.rules], [null, 'no card', 'card', []]);
  });

  it('have models, arms and the experiment', () => {
    const models = [
      {
        name: 'models.fraud',
        inputs: [{ name: 'count', integer: '3' }, { name: 'ratio' }],
        contributions: [0.5, -0.25],
        bias: -1,
        margin: -0.75,
      },
    ];
    const shadows = [{ name: 'b', verdict: 1, arm: 2 }, { name: 'c' }];
    const found = explain({ experiment: 'spring' }, { models, shadows });
    assert.equal(found.experiment, 'spring');
    assert.deepEqual(
      found.then.shadows.map((one) => one.arm),
      ['challenger', ''],
    );
    assert.deepEqual(found.then.models, [
      {
        name: 'models.fraud',
        inputs: [
          { name: 'count', value: 3, contribution: 0.5 },
          { name: 'ratio', value: null, contribution: -0.25 },
        ],
        bias: -1,
        margin: -0.75,
      },
    ]);
    assert.deepEqual([explain({}).experiment, explain({}).then.models], ['', []], 'nor has an older server any');
  });

  it('have the amendments that were reported later', () => {
    const source = 'settlement-feed';
    const was = { amount_minor: '5000' };
    const captured = { amount_minor: '4500' };
    const amendments = [
      { position: '77', receive_time_us: '6', known_time_us: '5', previous: was, now: captured, source },
      { position: '78', receive_time_us: '8', previous: captured, now: { voided: true, refunded_minor: '4500' } },
    ];
    assert.deepEqual(explain({ amendments }).amendments, [
      {
        position: 77,
        receiveTimeUs: 6,
        knownTimeUs: 5,
        previous: { voided: false, amountMinor: 5000, refundedMinor: 0 },
        now: { voided: false, amountMinor: 4500, refundedMinor: 0 },
        source,
      },
      {
        position: 78,
        receiveTimeUs: 8,
        knownTimeUs: 0,
        previous: { voided: false, amountMinor: 4500, refundedMinor: 0 },
        now: { voided: true, amountMinor: 0, refundedMinor: 4500 },
        source: '',
      },
    ]);
    assert.deepEqual(explain({}).amendments, [], 'nor has an older server any');
  });

  it('have the transaction as it was sent, so that it can be sent again', () => {
    const attributes = [
      { name: 'double', number: 3 },
      { name: 'int', integer: '9007199254740993' },
      { name: 'flag', flag: false },
      { name: 'text', text: '' },
    ];
    const location = { latitude_e7: -15_000_000, longitude_e7: 0 };
    const transaction = { id: 't', event_time_us: '5', amount_minor: '7', email: 'x@y', location, attributes };
    assert.deepEqual(explain({ transaction }).transaction, {
      id: 't',
      eventTimeUs: 5,
      amountMinor: 7,
      email: 'x@y',
      location: { latitude: -1.5, longitude: 0 },
      attributes: { double: 3, int: 9007199254740993n, flag: false, text: '' },
    });
  });
});

describe("an analyst's calls", () => {
  let folder: ReturnType<typeof makeFolder>;
  let server: FakeServer;
  let client: Client;
  const counted: string[] = [];
  const metrics = {
    count: (name: string, _: number, labels: object): void => void counted.push(`${name} ${JSON.stringify(labels)}`),
    observe: (): void => undefined,
    set: (): void => undefined,
  };
  beforeEach(async () => {
    folder = makeFolder();
    server = await FakeServer.ipc(join(folder.path, 'server.sock'));
    client = new Client({ addresses: server.address, deadlineMs: 20_000, metrics });
    counted.length = 0;
  });
  afterEach(async () => {
    await client.close();
    await server.close();
    folder.remove();
  });
  const answers = (by: (asked: Asked & Record<string, Message | undefined>) => Answer): void => {
    server.answer = by as FakeServer['answer'];
  };
  const sent = (): Record<string, unknown> => server.asked.at(-1) as unknown as Record<string, unknown>;

  it('change lists, with a result or an error for each change', async () => {
    answers(() => ({
      change_list: {
        results: [
          { changed: { list: 'l', value: 'v', position: 7, changed: true } },
          { error: { code: 3, field: 'list' } },
        ],
      },
    }));
    const [first, second] = await client.changeList([
      { ...GOOD, expiryTimeUs: 5, reason: 'lost' },
      { ...GOOD, remove: true },
    ]);
    assert.ok(first && !(first instanceof HarrierError));
    assert.deepEqual([first.position, first.changed, first.wasThere], [7, true, false]);
    assert.ok(second instanceof HarrierError);
    assert.deepEqual([second.code, second.field, second.decided], ['not_found', 'list', false]);
    assert.deepEqual(sent().change_list, {
      changes: [
        { list: 'l', value: 'v', expiry_time_us: '5', reason: 'lost' },
        { list: 'l', value: 'v', remove: true },
      ],
    });
    assert.deepEqual(counted, ['harrier_client_calls_total {"call":"change_list","result":"ok"}']);
  });

  it('fail if the number of results does not fit', async () => {
    answers(() => ({ change_list: {} }));
    await assert.rejects(client.changeList([GOOD]), ProtocolError);
    await assert.rejects(client.changeList([]), InvalidError);
    assert.equal(server.asked.length, 1);
  });

  it('send their options', async () => {
    answers((asked) => {
      if (asked.get_list) {
        return { get_list: { next_position: 9 } };
      }
      return asked.reload
        ? { reload: { result: 3, error: 'line 3' } }
        : { error: { code: 'ERROR_NOT_FOUND', message: 'no' } };
    });
    assert.equal((await client.getList('l', { afterPosition: 5, limit: 3 })).nextPosition, 9);
    assert.deepEqual(sent().get_list, { list: 'l', after_position: '5', limit: 3 });
    await client.getList();
    assert.deepEqual(sent().get_list, {});
    // A refused policy is a result.
    const { result, error } = await client.reload({ wait: true });
    assert.deepEqual([result, error, sent().reload], ['refused', 'line 3', { wait: true }]);
    await client.reload();
    assert.deepEqual(sent().reload, {});
    await assert.rejects(client.explain('t1'), { code: 'not_found', message: 'no' });
    assert.deepEqual(sent().explain, { transaction_id: 't1' });
  });
});
