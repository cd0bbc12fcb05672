import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameError, FrameReader, headerSize, writeHeader, type Stream } from '../src/frame.js';
import { frame, GREETING_REP } from './fake_server.js';

function reader(
  stream: Stream,
  lengthMax = 1000,
): { push: (bytes: Buffer) => void; got: [number, string][]; greeted: () => number } {
  const got: [number, string][] = [];
  let greeted = 0;
  const made = new FrameReader(
    stream,
    lengthMax,
    () => greeted++,
    (id, bytes, from, to) => got.push([id, bytes.toString('hex', from, to)]),
  );
  return {
    push: (bytes) => {
      made.push(bytes);
    },
    got,
    greeted: () => greeted,
  };
}

function body(id: number, payload: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(id);
  return Buffer.concat([head, Buffer.from(payload, 'hex')]);
}

for (const stream of ['tcp', 'ipc'] as const) {
  describe(`frames on ${stream}`, () => {
    const messages = Buffer.concat([
      GREETING_REP,
      frame(stream, body(0x80000001, 'aabb')),
      frame(stream, body(0x80000002, '')),
      frame(stream, body(0xffffffff, '00'.repeat(900))),
    ]);
    const expected = [
      [1, 'aabb'],
      [2, ''],
      [0x7fffffff, '00'.repeat(900)],
    ];

    it('takes what comes at once', () => {
      const to = reader(stream);
      to.push(messages);
      assert.deepEqual(to.got, expected);
      assert.equal(to.greeted(), 1);
    });

    it('takes what comes byte by byte', () => {
      const to = reader(stream);
      for (const byte of messages) {
        to.push(Buffer.of(byte));
      }
      assert.deepEqual(to.got, expected);
    });

    it('takes what is cut in two anywhere', () => {
      for (let cut = 0; cut <= messages.length; cut++) {
        const to = reader(stream);
        to.push(messages.subarray(0, cut));
        to.push(messages.subarray(cut));
        assert.deepEqual(to.got, expected, `cut at ${cut}`);
      }
    });

    it('refuses another greeting', () => {
      for (const greeting of ['0053500000300000', '0053500001310000', '4854545020342e31', '0053500000310001']) {
        assert.throws(() => {
          reader(stream).push(Buffer.from(greeting, 'hex'));
        }, FrameError);
      }
    });

    it('refuses a length over the limit before its bytes come', () => {
      const header = (high: number, low: number): Buffer => {
        const bytes = Buffer.alloc(8);
        bytes.writeUInt32BE(high);
        bytes.writeUInt32BE(low, 4);
        return Buffer.concat([GREETING_REP, Buffer.from(stream === 'ipc' ? [1] : []), bytes]);
      };
      for (const [high, low] of [
        [0, 1001],
        [0, 0xffffffff],
        [1, 4],
        [0xffffffff, 0xffffffff],
        [0, 3],
        [0, 0],
      ] as const) {
        assert.throws(
          () => {
            reader(stream).push(header(high, low));
          },
          FrameError,
          `${high}:${low}`,
        );
      }
      reader(stream).push(header(0, 1000));
    });

    it('passes over what answers no request', () => {
      const to = reader(stream);
      to.push(
        Buffer.concat([GREETING_REP, frame(stream, body(0x00000001, 'aa')), frame(stream, body(0x80000005, 'bb'))]),
      );
      assert.deepEqual(to.got, [[5, 'bb']]);
    });

    it('hands nothing out once it is stopped', () => {
      const got: number[] = [];
      const made: FrameReader = new FrameReader(
        stream,
        1000,
        () => undefined,
        (id) => {
          got.push(id);
          made.stop();
        },
      );
      made.push(messages);
      assert.deepEqual(got, [1]);
    });

    it('writes what a server reads', () => {
      const out = Buffer.alloc(40, 0xee);
      const at = writeHeader(out, 3, stream, 0x7fffffff, 5);
      assert.equal(at, 3 + headerSize(stream) + 4);
      assert.equal(out.subarray(3, at).toString('hex'), `${stream === 'ipc' ? '01' : ''}0000000000000009ffffffff`);
    });
  });
}

describe('frames on ipc', () => {
  it('refuses another kind of message', () => {
    assert.throws(() => {
      reader('ipc').push(Buffer.concat([GREETING_REP, Buffer.of(2)]));
    }, FrameError);
  });
});
