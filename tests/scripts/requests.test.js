import assert from "node:assert/strict";
import { test } from "node:test";

import { numberedRequests } from "../../playground/ui/assets/requests.js";

/** Requests whose component records what is sent. */
function connected(context, { firstWait = 1000 } = {}) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const unheard = context.mock.fn();
  const requests = numberedRequests(firstWait, unheard);
  const sent = [];
  const props = { value: null };
  requests.connect(props, (event) => sent.push([event, props.value]));
  return { requests, sent, unheard, tick: (ms) => context.mock.timers.tick(ms) };
}

test("ask sends a number and the details, to start and to check", (context) => {
  const { requests, sent } = connected(context);
  requests.ask(() => ({ until: 100 }));
  assert.deepEqual(sent, [
    ["submit", { number: 1, until: 100 }],
    ["input", { number: 1, until: 100 }],
  ]);
  assert.ok(requests.pending);
});

test("ask before the component is there sends once it is connected", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const requests = numberedRequests(1000, () => {});
  requests.ask();
  const sent = [];
  requests.connect({ value: null }, (event) => sent.push(event));
  assert.deepEqual(sent, ["submit", "input"]);
});

test("a request without an answer is sent again, each wait twice as long", (context) => {
  const { requests, sent, tick } = connected(context);
  requests.ask();
  for (const [ms, count] of [
    [999, 2],
    [1, 4],
    [1999, 4],
    [1, 6],
    [3999, 6],
    [1, 8],
  ]) {
    tick(ms);
    assert.equal(sent.length, count);
  }
  assert.ok(
    sent.every(([, value]) => value.number === 1),
    "with the same number",
  );
});

test("unheard is called from the third repetition on, with whether the request has arrived", (context) => {
  const { requests, unheard, tick } = connected(context);
  requests.ask();
  tick(1000);
  tick(2000);
  assert.equal(unheard.mock.callCount(), 0);
  tick(4000);
  assert.deepEqual(unheard.mock.calls[0].arguments, [true]);
  requests.arrived(1, false);
  tick(8000);
  assert.deepEqual(unheard.mock.calls[1].arguments, [false]);
});

test("a request that has started is only checked on", (context) => {
  const { requests, sent, tick } = connected(context);
  requests.ask();
  requests.arrived(1, true);
  tick(1000);
  assert.deepEqual(sent.at(-1)[0], "input");
  assert.equal(sent.length, 3);
});

test("of the requests made while one is on its way, the last is sent next", (context) => {
  const { requests, sent } = connected(context);
  for (const until of [1, 2, 3]) requests.ask(() => ({ until }));
  assert.equal(sent.length, 2, "the first alone is on its way");
  requests.arrived(1);
  assert.deepEqual(sent.at(-1)[1], { number: 3, until: 3 });
  assert.equal(sent.length, 4);
});

test("heard tells whether something belongs to the latest request", (context) => {
  const { requests } = connected(context);
  requests.ask();
  requests.arrived(1);
  requests.ask();
  assert.equal(requests.heard(1), false);
  assert.equal(requests.heard(2), true);
});

test("nothing is sent after the end of the latest request; an earlier one's end changes nothing", (context) => {
  const { requests, sent, tick } = connected(context);
  requests.ask();
  requests.arrived(1);
  requests.ask();
  requests.ended(1);
  assert.ok(requests.pending);
  requests.arrived(2);
  requests.ended(2);
  assert.ok(!requests.pending);
  const { length } = sent;
  tick(100_000);
  assert.equal(sent.length, length);
});
