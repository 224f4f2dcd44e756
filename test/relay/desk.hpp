// A splice on a desk: both streams scripted, the clock in the test's hand.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "proxy/relay/splice.hpp"
#include "test/support/frames.hpp"
#include "test/support/scripted_stream.hpp"

namespace bascule::test {

using namespace std::chrono_literals;

struct Desk {
  policy::SessionRule rule;
  relay::Workbench bench{1, 100};  // a bulk is what comes a hundred bytes at a time
  ScriptedStream client;
  ScriptedStream service;
  TimePoint now{1000h};
  std::unique_ptr<relay::Splice> splice;
  relay::Turn last;

  relay::Splice& start() {
    splice = std::make_unique<relay::Splice>(client, service, rule, bench, now);
    return *splice;
  }

  // Turns until nothing more happens at this moment.
  relay::Turn turn() {
    if (!splice) { start(); }
    do { last = splice->turn(now); } while (last.again && !last.done);
    return last;
  }

  relay::Turn turn_after(Duration passed) {
    now += passed;
    return turn();
  }

  // Lets time pass as the worker would: from one promised moment to the next, for at most `span`.
  relay::Turn live(Duration span) {
    const TimePoint until = now + span;
    turn();
    while (!last.done && last.wake_at <= until) {
      now = std::max(now, last.wake_at);
      turn();
    }
    if (!last.done) { now = until; }
    return last;
  }

  const relay::Ending& ending() const { return splice->ending(); }
  std::vector<ServerFrame> frames() const { return server_frames(client.written()); }

  // What the client got as data, in order, whatever the frames.
  std::string data_to_client() const {
    std::string data;
    for (const ServerFrame& frame : frames()) {
      if (frame.opcode < 8) { data += frame.payload; }
    }
    return data;
  }

  // The Close the client got; fails when there is none or something follows it.
  ServerFrame close_frame() const {
    const auto all = frames();
    if (all.empty() || all.back().opcode != op_close) { return {.opcode = 0, .fin = true, .payload = "no Close"}; }
    return all.back();
  }
};

}  // namespace bascule::test
