/** The parts that know neither sockets nor a server: the ring of requests, the wheel, the routes, addresses and tokens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '../src/address.js';
import { InvalidError } from '../src/errors.js';
import { Pending, type Numbered } from '../src/pending.js';
import { Routes, type Route } from '../src/routes.js';
import { Search } from '../src/search.js';
import { checkToken } from '../src/token.js';
import { now, Timed, TimerWheel } from '../src/timer_wheel.js';

describe('pending requests', () => {
  it('does what a Map does, whatever comes in whatever order', () => {
    const pending = new Pending<Numbered>();
    const model = new Map<number, Numbered>();
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let step = 0; step < 50_000; step++) {
      const kind = random(10);
      const some = [...model.keys()][random(model.size)];
      if (kind < 5 && model.size < 700) {
        const one = { requestId: 0 };
        const id = pending.add(one);
        assert.ok(!model.has(id), 'an id that waits is given again');
        model.set(id, one);
      } else if (kind < 8 && some !== undefined) {
        assert.equal(pending.take(some), model.get(some));
        model.delete(some);
      } else if (some !== undefined) {
        pending.remove(model.get(some)!);
        model.delete(some);
        assert.equal(pending.take(some), null);
      }
      assert.equal(pending.take(random(2 ** 31 - 1) + 100_000), null);
    }
    const left = pending.takeAll();
    assert.deepEqual(
      left.map((one) => one.requestId),
      [...model.keys()],
    );
    assert.deepEqual(pending.takeAll(), []);
  });

  it('passes over ids whose place one has that waits for long', () => {
    const pending = new Pending<Numbered>();
    const slow = { requestId: 0 };
    pending.add(slow);
    const seen = new Set<number>();
    for (let turn = 0; turn < 2000; turn++) {
      const one = { requestId: 0 };
      const id = pending.add(one);
      assert.ok(!seen.has(id));
      seen.add(id);
      assert.equal(pending.take(id), one);
    }
    assert.equal(pending.take(slow.requestId), slow);
  });
});

class Alarm extends Timed {
  at = 0;

  override expired(at: number): void {
    this.at = at;
  }
}

describe('the wheel', () => {
  it('tells each when its time is over, and not before', async () => {
    const wheel = new TimerWheel();
    const begun = now();
    // More than a turn of the ring, too.
    const alarms = [1, 5, 5.5, 30, 31, 200, 1100, 1300].map((ms) => new Alarm(begun + ms));
    for (const alarm of alarms.slice().reverse()) {
      wheel.add(alarm);
    }
    const removed = new Alarm(begun + 20);
    wheel.add(removed);
    wheel.remove(removed);
    wheel.remove(removed);
    await sleep(1500);
    assert.equal(removed.at, 0);
    for (const alarm of alarms) {
      assert.ok(alarm.at >= alarm.ends, 'too soon');
      assert.ok(alarm.at - alarm.ends < 150, `${alarm.at - alarm.ends} ms late`);
    }
    assert.deepEqual(wheel.all(), []);
    wheel.stop();
  });

  it('tells one whose time is over already', async () => {
    const wheel = new TimerWheel();
    const alarm = new Alarm(now() - 5000);
    wheel.add(alarm);
    await sleep(50);
    assert.notEqual(alarm.at, 0);
  });

  it('goes on for those that are left after one', async () => {
    const wheel = new TimerWheel();
    const last = new Alarm(now() + 60);
    wheel.add(last);
    for (let ms = 1; ms < 50; ms++) {
      wheel.add(new Alarm(now() + ms));
    }
    assert.equal(wheel.all().length, 50);
    await sleep(200);
    assert.notEqual(last.at, 0);
  });
});

function makeRoutes(count: number, ejectAfter = 3): { routes: Routes; reported: string[] } {
  const reported: string[] = [];
  const events = {
    changed: (route: Route): void => {
      reported.push(`${route.address} ${route.up ? 'up' : 'down'}`);
    },
    ejected: (route: Route): void => {
      reported.push(`${route.address} ejected`);
    },
  };
  const routes = new Routes(['a', 'b', 'c'].slice(0, count), ejectAfter, events, () => 0.5);
  return { routes, reported };
}

describe('routes', () => {
  it('prefers in order, of those that are up', () => {
    const { routes } = makeRoutes(3, 1);
    const [a, b, c] = routes.all as [Route, Route, Route];
    assert.equal(routes.choose(null), null);
    routes.setConnected(c, true);
    assert.equal(routes.choose(null), c);
    routes.setConnected(a, true);
    assert.equal(routes.choose(null), a);
    routes.setConnected(b, true);
    routes.failed(a, 0);
    assert.equal(routes.choose(null), b);
    routes.failed(b, 0);
    routes.failed(c, 0);
    assert.equal(routes.choose(null), a, 'all ejected: the first that is connected');
    assert.equal(routes.anotherMayDecide(a), false);
  });

  it('never ejects the only one', () => {
    const { routes, reported } = makeRoutes(1, 1);
    const route = routes.all[0]!;
    routes.setConnected(route, true);
    routes.failed(route, 0);
    routes.failed(route, 0);
    assert.equal(routes.choose(null), route);
    assert.deepEqual(reported, ['a up']);
  });

  it('counts failures in a row', () => {
    const { routes, reported } = makeRoutes(2);
    const route = routes.all[0]!;
    routes.setConnected(route, true);
    routes.failed(route, 0);
    routes.failed(route, 0);
    routes.succeeded(route);
    routes.failed(route, 0);
    routes.failed(route, 0);
    assert.ok(route.up);
    routes.failed(route, 0);
    assert.deepEqual(reported, ['a up', 'a down', 'a ejected']);
    assert.equal(routes.anyEjected, true);
  });

  it('probes after 1 s, doubling up to 30 s', () => {
    const { routes } = makeRoutes(2, 1);
    const route = routes.all[0]!;
    routes.setConnected(route, true);
    let at = 0;
    routes.failed(route, at);
    for (const ms of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      assert.equal(routes.takeProbe(at + ms - 1), null);
      assert.equal(routes.takeProbe(at + ms), route);
      assert.equal(routes.takeProbe(at + ms), null, 'one probe at a time');
      at += ms;
      routes.probed(route, false, at);
    }
    routes.setConnected(route, false);
    assert.equal(routes.takeProbe(at + 60_000), null, 'only when it is connected');
    routes.setConnected(route, true);
    assert.equal(routes.takeProbe(at + 60_000), route);
    routes.probed(route, true, at);
    assert.ok(route.up);
    assert.equal(routes.anyEjected, false);
    routes.failed(route, at);
    assert.equal(routes.takeProbe(at + 1000), route, 'begins anew after a success');
  });

  it('takes it up when a call was answered while the probe was under way', () => {
    const { routes } = makeRoutes(2, 1);
    const route = routes.all[0]!;
    routes.setConnected(route, true);
    routes.failed(route, 0);
    routes.takeProbe(2000);
    routes.succeeded(route);
    routes.probed(route, false, 2100);
    assert.ok(route.up);
  });
});

describe('routes of a cluster', () => {
  function makeCluster(): { routes: Routes; search: Search; refuse: (route: Route, named: Route | null) => void } {
    const { routes } = makeRoutes(3);
    const search = new Search();
    for (const route of routes.all) {
      routes.setConnected(route, true);
    }
    const refuse = (route: Route, named: Route | null): void => {
      routes.refused(route, named);
      search.answered(route, named);
    };
    return { routes, search, refuse };
  }

  it('prefer what is not marked, and any that is up to none', () => {
    const { routes } = makeCluster();
    const [a, b, c] = routes.all as [Route, Route, Route];
    routes.refused(a, null);
    routes.refused(b, null);
    assert.equal(routes.choose(null), c);
    assert.equal(routes.anotherMayDecide(c), false, 'the others are standbys');
    assert.equal(routes.anotherMayDecide(a), true);
    routes.setConnected(c, false);
    assert.equal(routes.choose(null), a);
    assert.equal(routes.anotherMayDecide(c), false, 'whether it is connected or not');
    routes.setConnected(c, true);
    routes.decides(a);
    assert.equal(routes.choose(null), a);
  });

  it('know addresses as they are written', () => {
    const { routes } = makeCluster();
    assert.equal(routes.find('b'), routes.all[1]);
    assert.equal(routes.find('B'), null);
    assert.equal(routes.find(''), null);
  });

  it('unmark whom a standby names, but not itself', () => {
    const { routes } = makeCluster();
    const [a, b, c] = routes.all as [Route, Route, Route];
    routes.refused(a, null);
    routes.refused(b, a);
    assert.equal(routes.choose(null), a);
    routes.refused(a, a);
    assert.equal(routes.choose(null), c);
  });

  it('are searched for the primary: each once, then in turn', () => {
    const { routes, search, refuse } = makeCluster();
    const [a, b, c] = routes.all as [Route, Route, Route];
    const expect = (route: Route, mayDecide: boolean): void => {
      assert.equal(routes.choose(search), route);
      assert.equal(routes.mayDecide(search), mayDecide);
    };
    expect(a, true);
    refuse(a, b);
    expect(b, true);
    refuse(b, a);
    expect(c, true); // the first has lost its mark, but was tried
    refuse(c, a);
    expect(a, false);
    search.waiting();
    expect(a, true);
    refuse(a, null);
    for (const next of [b, c, a, b]) {
      expect(next, false);
      search.waiting();
      expect(next, false);
      refuse(next, null);
    }
    refuse(c, b);
    expect(a, false); // the second is named, but was tried
    search.waiting();
    expect(b, true);
  });

  it('may be ejected if a standby names them', () => {
    const { routes, search, refuse } = makeCluster();
    const [a, b, c] = routes.all as [Route, Route, Route];
    for (let failure = 0; failure < 3; failure++) {
      routes.failed(a, 0);
    }
    refuse(b, null);
    refuse(c, a);
    assert.equal(routes.choose(search), a);
    assert.ok(routes.mayDecide(search));
    assert.equal(routes.choose(null), b, 'other calls ask a standby first');
    routes.setConnected(a, false);
    assert.ok(!routes.mayDecide(search));
    assert.equal(routes.choose(search), b);
  });
});

describe('addresses', () => {
  it('takes what nng takes', () => {
    assert.deepEqual(parseAddress('tcp://127.0.0.1:7731'), {
      text: 'tcp://127.0.0.1:7731',
      kind: 'tcp',
      host: '127.0.0.1',
      port: 7731,
    });
    assert.deepEqual(parseAddress('tls+tcp://[::1]:1'), {
      text: 'tls+tcp://[::1]:1',
      kind: 'tls',
      host: '::1',
      port: 1,
    });
    assert.deepEqual(parseAddress('ipc:///run/h.sock'), {
      text: 'ipc:///run/h.sock',
      kind: 'ipc',
      path: '/run/h.sock',
    });
  });

  it('refuses the rest', () => {
    for (const text of [
      ...['', 'nowhere', 'tcp://', 'tcp://host', 'tcp://host:', 'tcp://host:0', 'tcp://host:65536', 'tcp://:1'],
      ...[
        'tcp://a b:1',
        'tcp://host:1/',
        'tcp://host:1x',
        'ws://host:1',
        'ipc://',
        'tcp://::1:5',
        `ipc:///${'x'.repeat(103)}`,
      ],
    ]) {
      assert.throws(() => parseAddress(text), InvalidError, text);
    }
  });
});

describe('tokens', () => {
  it('are at most 256 bytes of printable ASCII, and not shown', () => {
    assert.equal(checkToken('k1.c2VjcmV0~'), 'k1.c2VjcmV0~');
    assert.equal(checkToken('x'.repeat(256)).length, 256);
    for (const token of ['x'.repeat(257), 'gehe\u0131m', 'secret\n', 'my secret', '\u007fsecret']) {
      assert.throws(
        () => checkToken(token),
        (error: InvalidError) => error.code === 'invalid' && error.field === 'token' && !error.message.includes(token),
      );
    }
    assert.throws(() => checkToken(Promise.resolve('secret')), /not a promise/);
  });
});
