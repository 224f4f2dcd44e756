// A whole session without a network: a client, a service and a clock by a script, between them a splice or an echo.
// Whatever the script: frames towards the client are frames, with at most one Close and nothing behind it; nothing is
// doubled, out of order or made up; no more is held than one read and a few control frames; no end looks clean that was
// none; and once both sides have ended, so does the session. Where the script lets bytes come and go and nothing else,
// every byte that was sent has arrived, and the end is the one of the table in test/relay/splice_test.cpp.
//
// Input: a byte of switches, one of the pace and the finale, then steps: a letter (see Session::step) and what it
// needs.
#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "proxy/relay/echo.hpp"
#include "proxy/relay/splice.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/fuzz/session_model.hpp"
#include "test/support/frames.hpp"
#include "test/support/scripted_stream.hpp"

namespace bascule::fuzz {
namespace {

using namespace std::chrono_literals;
using policy::ToClient;
using relay::Cause;
using test::ScriptedStream;

class Script {
 public:
  explicit Script(Bytes bytes) : rest_(bytes) {}

  bool over() const { return rest_.empty(); }
  unsigned byte() {
    if (rest_.empty()) { return 0; }
    const unsigned byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  std::string text(std::size_t size) {
    const Bytes taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return std::string(text_of(taken));
  }

 private:
  Bytes rest_;
};

constexpr policy::Pace unlimited{.frames = {}, .control_frames = {}, .to_client_bytes = {}, .from_client_bytes = {}};

policy::SessionRule rule_of(unsigned switches, unsigned pace) {
  policy::SessionRule rule;
  rule.frames.text_from_client = (switches & 2U) != 0;
  rule.frames.binary_from_client = (switches & 4U) == 0;
  constexpr std::array kinds{ToClient::binary, ToClient::text, ToClient::match, ToClient::match};
  rule.frames.to_client = kinds[switches >> 3U & 3U];
  if ((switches & 32U) != 0) { rule.frames.max_bytes = 1024; }
  if ((switches & 64U) != 0) {
    rule.timeouts.idle = 5min;
    rule.timeouts.lifetime = 1h;
  } else {
    rule.timeouts.ping.reset();
    rule.timeouts.half_close.reset();
  }
  if (pace == 1) { rule.pace = unlimited; }
  if (pace == 2) {
    rule.pace = {.frames = policy::Rate{.count = 10},
                 .control_frames = policy::Rate{.count = 5},
                 .to_client_bytes = policy::Rate{.count = 20000},
                 .from_client_bytes = policy::Rate{.count = 20000}};
  }
  return rule;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) { text[i] = static_cast<char>('a' + i % 26); }
  return text;
}

// All sessions share one, as on a worker; none may leave anything on it. Small reads are a bulk already.
relay::Workbench& bench() {
  static relay::Workbench bench(1, 64);
  return bench;
}

class Session {
 public:
  Session(unsigned switches, unsigned pace) : echo_((switches & 1U) != 0), rule_(rule_of(switches, pace)) {
    calm_ = (switches & 64U) == 0;
    if ((switches & 128U) != 0) {
      client_.be_plain();
      service_.be_plain();
    }
  }

  void step(Script& script);
  void finish(unsigned finale);

 private:
  // --- the script's means ---

  // No more than fills every bound there is: a longer script only takes longer.
  void client_sends(std::string_view bytes) {
    if (client_said_.size() + bytes.size() <= said_max) { client_said_ += bytes; }
  }
  std::size_t on_the_way() const { return client_said_.size() - from_client_.size(); }
  void client_sends_frame(unsigned first_byte, const std::string& payload) {
    std::string frame = test::client_frame(op_text, payload, true, 0x9b3c5e01U + static_cast<unsigned>(payload.size()));
    frame.front() = static_cast<char>(first_byte);
    client_sends(frame);
  }
  void arrive_from_client(std::size_t size) {
    size = std::min(size, on_the_way());
    if (size == 0 || client_over_) { return; }
    const std::string_view bytes = std::string_view(client_said_).substr(from_client_.size(), size);
    if (!relay_ && from_client_.empty()) {
      client_.unread(bytes_of(bytes));  // came with the request
    } else {
      client_.arrive(bytes);
    }
    from_client_ += bytes;
    client_arrival_max_ = std::max(client_arrival_max_, size);
  }
  void arrive_from_service(const std::string& bytes) {
    if (bytes.empty() || service_over_ || echo_ || from_service_.size() + bytes.size() > said_max) { return; }
    service_.arrive(bytes);
    from_service_ += bytes;
    service_arrival_max_ = std::max(service_arrival_max_, bytes.size());
  }
  void end_client(Io how) { end(client_, client_over_, how); }
  void end_service(Io how) { end(service_, service_over_, how); }
  static void end(ScriptedStream& stream, bool& over, Io how) {
    if (over) { return; }
    over = true;
    if (how == Io::end) { stream.end(); }
    if (how == Io::truncated) { stream.truncate(); }
    if (how == Io::reset) { stream.reset(ECONNRESET); }
  }
  bool trouble(Script& script, unsigned letter);

  // --- time ---

  void turn();
  void live(Duration span);
  void settle();
  void command(unsigned which);

  // --- what must hold ---

  void check_held() const;
  void check_always() const;
  void check_echoed(const Heard& heard, const Told& told, bool all) const;
  void check_settled() const;
  void check_finale(unsigned finale, bool closed) const;
  bool service_keeps_to_text() const {
    return echo_ || rule_.frames.to_client != ToClient::text || slow_utf8(from_service_).begins();
  }
  // The beginning of a character waits for the rest of it where text is sent.
  bool all_for_the_client(const Told& told) const {
    const std::string waiting = from_service_.substr(std::min(told.data.size(), from_service_.size()));
    const bool may_wait = rule_.frames.to_client != ToClient::binary;
    return waiting.empty() || (may_wait && slow_utf8(waiting).unfinished == waiting.size());
  }

  static constexpr std::size_t said_max = std::size_t{40} * 1024;
  static constexpr std::size_t bytewise_max = 4096;

  bool echo_;
  policy::SessionRule rule_;
  ScriptedStream client_;
  ScriptedStream service_;
  TimePoint now_{1000h};
  relay::Turn last_;
  std::string client_said_;
  std::string from_client_;  // what of that has arrived
  std::string from_service_;
  std::size_t bytewise_ = 0;  // bytes that came one by one
  std::size_t client_arrival_max_ = 0;
  std::size_t service_arrival_max_ = 0;
  bool client_over_ = false;
  bool service_over_ = false;
  bool client_takes_all_ = true;  // and has so far
  bool service_takes_all_ = true;
  bool calm_ = true;  // bytes come and go, and nothing else happens
  bool stopped_ = false;
  std::unique_ptr<relay::Relay> relay_;  // goes before what it works with
};

// --- the script ------------------------------------------------------------------------------------------------------

void Session::step(Script& script) {
  const unsigned letter = script.byte();
  switch (letter) {
    case 'f': {  // a frame: its first byte, its length, its payload
      const unsigned first_byte = script.byte();
      return client_sends_frame(first_byte, script.text(script.byte()));
    }
    case 'F': {  // a long one
      const unsigned first_byte = script.byte();
      return client_sends_frame(first_byte, pattern(script.byte() * std::size_t{16}));
    }
    case 'g':  // pings in a row, each as long as can be
      for (unsigned count = script.byte(); count > 0; --count) { client_sends_frame(0x80U + op_ping, pattern(125)); }
      return;
    case 'r': return client_sends(script.text(script.byte()));
    case 'd': return arrive_from_client(script.byte());
    case 'D':  // byte by byte
      for (int count = 512; count > 0 && bytewise_ < bytewise_max; --count, ++bytewise_) { arrive_from_client(1); }
      return;
    case 'A': return arrive_from_client(on_the_way());
    case 's': return arrive_from_service(script.text(script.byte()));
    case 'S': return arrive_from_service(pattern(script.byte() * std::size_t{16}));
    case 't': client_takes_all_ = false; return client_.take(script.byte());
    case 'T': return client_.take_all();
    case 'u': service_takes_all_ = false; return service_.take(script.byte());
    case 'U': return service_.take_all();
    default:
      if (trouble(script, letter)) {
        calm_ = false;
      } else {
        turn();
      }
  }
}

// What may cost bytes, or the session.
bool Session::trouble(Script& script, unsigned letter) {
  const auto error_of = [](unsigned byte) { return byte % 2 == 0 ? EPIPE : ECONNRESET; };
  switch (letter) {
    case 'w': live(script.byte() * 100ms); return true;
    case 'W': live(script.byte() * 10s); return true;
    case 'e': end_client(Io::end); return true;
    case 'x': end_client(Io::truncated); return true;
    case 'z': end_client(Io::reset); return true;
    case 'E': end_service(Io::end); return true;
    case 'X': end_service(Io::truncated); return true;
    case 'Z': end_service(Io::reset); return true;
    case 'k': command(script.byte()); return true;
    case 'p': client_.fail_writes(error_of(script.byte())); return true;
    case 'P': service_.fail_writes(error_of(script.byte())); return true;
    case 'o': client_.fail_from_operation(client_.operations() + 1 + script.byte() % 8, ECONNRESET); return true;
    case 'O': service_.fail_from_operation(service_.operations() + 1 + script.byte() % 8, ECONNRESET); return true;
    case 'b': client_.set_broken(ECONNRESET); return true;
    case 'B': service_.set_broken(ETIMEDOUT); return true;
    case 'h': client_.hold_next(script.byte()); return true;
    case 'H': service_.hold_next(script.byte()); return true;
    case 'j': client_.hold_at_next_read(script.byte()); return true;
    case 'J': service_.hold_at_next_read(script.byte()); return true;
    case 'l': client_.let_go(); return true;
    case 'L': service_.let_go(); return true;
    case 'n': client_.set_unsent(script.byte()); return true;
    case 'N': service_.set_unsent(script.byte()); return true;
    case 'a': client_.announce_end(); return true;
    default: return false;
  }
}

void Session::command(unsigned which) {
  constexpr std::array causes{
      Cause::draining, Cause::credential_expired, Cause::withdrawn, Cause::revoked, Cause::moved, Cause::stopped};
  if (!relay_ || last_.done) { return; }
  const Cause cause = causes[which % causes.size()];
  stopped_ = stopped_ || cause == Cause::stopped;
  relay_->end(cause, now_);
  turn();
}

// --- time ------------------------------------------------------------------------------------------------------------

void Session::turn() {
  if (last_.done) { return; }
  if (!relay_ && echo_) { relay_ = std::make_unique<relay::Echo>(client_, rule_, bench(), now_); }
  if (!relay_) { relay_ = std::make_unique<relay::Splice>(client_, service_, rule_, bench(), now_); }
  std::size_t turns = 0;
  do {
    last_ = relay_->turn(now_);
    check_held();
    require(++turns < 20'000, "there is an end to what is to be done at once");
  } while (last_.again && !last_.done);
}

// From one promised moment to the next, as a worker would.
void Session::live(Duration span) {
  const TimePoint until = now_ + span;
  turn();
  for (std::size_t turns = 0; !last_.done && last_.wake_at <= until; ++turns) {
    require(turns < 20'000, "nobody is woken for nothing");
    now_ = std::max(now_, last_.wake_at);
    turn();
  }
  now_ = std::max(now_, until);
}

// Everything arrives, and everybody takes what there is.
void Session::settle() {
  arrive_from_client(on_the_way());
  client_.take_all();
  service_.take_all();
  live(24h);
}

void Session::finish(unsigned finale) {
  settle();
  const Heard heard = hear(from_client_, rule_.frames);
  const bool calm = calm_ && service_keeps_to_text();
  if (calm) { check_settled(); }

  const bool closes = finale <= 1 && heard.goes_on() && heard.at_frame_border && !client_over_;
  if (finale == 1 || finale == 4) {
    end_service(finale == 1 ? Io::end : Io::reset);
    settle();
  }
  if (closes) {
    client_said_ += test::client_close(1000);
    arrive_from_client(on_the_way());
    turn();
  }
  end_client(finale == 3 ? Io::reset : Io::end);
  end_service(Io::end);
  for (ScriptedStream* const stream : {&client_, &service_}) {
    stream->hold_next(0);
    stream->hold_at_next_read(0);
    stream->let_go();
    stream->set_unsent(0);
  }
  settle();
  require(last_.done, "once both sides have ended, so does the session");
  require(relay_->ending().decided(), "an end has a cause");
  check_always();
  if (calm) { check_finale(finale, closes); }
  relay_.reset();
  require(bench().budget().bytes() == 0, "nothing is held for a session that is over");
  require(bench().pipe().holds() == 0, "nor in the pipe");
}

// --- what must hold --------------------------------------------------------------------------------------------------

// A direction that cannot write does not read: no more than one read's worth waits for either side, and behind it
// pongs, a ping and a Close.
void Session::check_held() const {
  constexpr std::size_t header = 10;
  constexpr std::size_t control = 2 + 125;
  constexpr std::size_t pongs = std::size_t{16} * 1024 + control;
  constexpr std::size_t cut_character = 3;
  const std::size_t answers =
      echo_ ? client_arrival_max_ : std::min(service_arrival_max_ + cut_character, rule_.frames.max_bytes);
  const std::size_t for_client = client_takes_all_ ? 0 : header + answers + pongs + 2 * control;
  const std::size_t for_service = service_takes_all_ ? 0 : client_arrival_max_;
  require(bench().budget().bytes() <= for_client + for_service, "what is held is bounded");
}

void Session::check_always() const {
  const Heard heard = hear(from_client_, rule_.frames);
  const Told told = tell(client_.written(), echo_ ? from_client_.size() + 125 : rule_.frames.max_bytes);
  auto ping = heard.pings.begin();
  for (const std::string& pong : told.pongs) {
    ping = std::find(ping, heard.pings.end(), pong);
    require(ping != heard.pings.end(), "each pong answers a ping of its own, in order");
    ++ping;
  }
  if (echo_) {
    check_echoed(heard, told, false);
    require(service_.written().empty(), "an echo has no service");
    return;
  }
  require(heard.data.starts_with(service_.written()), "the service gets what the client sent, in order");
  require(from_service_.starts_with(told.data), "the client gets what the service sent, in order");
  for (const Message& message : told.messages) {
    require(message.complete || &message == &told.messages.back(), "what one read gave is one message");
  }

  const Cause cause = relay_->ending().cause;
  const bool fin = service_.shut() && !service_.aborted();
  if (fin && !stopped_ && (cause == Cause::client_closed || cause == Cause::service_closed)) {
    require(heard.close != 0, "the service is told of an end that the client has said");
    require(service_.written() == heard.data, "and has all that was sent before it");
  }
  if (!stopped_ && (cause == Cause::client_vanished || cause == Cause::client_protocol_error)) {
    require(!fin, "a cut never looks like an end to the service");
  }
  if (told.close == 1000 && cause == Cause::service_closed) {
    require(told.data == from_service_, "before a proper Close the client has all that the service sent");
  }
}

// The same messages as were sent, of the same kinds, with the same borders; the last one may be under way.
void Session::check_echoed(const Heard& heard, const Told& told, bool all) const {
  require(told.messages.size() <= heard.messages.size(), "an echo makes no messages up");
  for (std::size_t i = 0; i < told.messages.size(); ++i) {
    const Message& sent = heard.messages[i];
    const Message& got = told.messages[i];
    const bool last = i + 1 == told.messages.size();
    require(got.kind == sent.kind && sent.payload.starts_with(got.payload), "an echo says what was said");
    require(got.complete ? got == sent : last, "and ends a message where it ended");
  }
  if (!all) { return; }
  require(told.data.size() >= heard.data_least, "an echo answers everything");
  require(told.data.size() == heard.data.size() || !heard.goes_on(), "an echo answers everything");
  const auto complete = [](const std::vector<Message>& messages) {
    return std::count_if(messages.begin(), messages.end(), [](const Message& message) { return message.complete; });
  };
  require(complete(told.messages) == complete(heard.messages), "and every end of a message");
}

// Nothing is on the way any more, and nobody has ended by himself.
void Session::check_settled() const {
  const Heard heard = hear(from_client_, rule_.frames);
  const Told told = tell(client_.written(), echo_ ? from_client_.size() + 125 : rule_.frames.max_bytes);
  require(!told.half_done, "what has begun is finished");
  const unsigned expected = heard.breach != 0 ? heard.breach : heard.close;
  require(told.close == expected, "a Close answers what came, with its close code");
  if (echo_) {
    check_echoed(heard, told, true);
  } else {
    require(service_.written().size() >= heard.data_least, "all that the client sent has arrived");
    if (heard.breach == 0) { require(service_.written() == heard.data, "all that the client sent has arrived"); }
  }
  if (!heard.goes_on()) { return; }
  require(client_.all_read() && service_.all_read(), "what has come is read");
  if (!echo_) { require(all_for_the_client(told), "all that the service sent has arrived"); }
  require(heard.pings.empty() || (!told.pongs.empty() && told.pongs.back() == heard.pings.back()),
          "the newest ping is answered");
  require(bench().budget().bytes() == 0, "nothing is held that can be sent");
  const relay::Counters& counters = relay_->counters();
  require(counters.from_client_bytes == heard.data.size(), "what came is counted");
  require(counters.to_client_bytes == (echo_ ? heard.data.size() : from_service_.size()), "what came back is counted");
}

// The table of test/relay/splice_test.cpp, row by row. `closed`: the client has said goodbye in the finale.
void Session::check_finale(unsigned finale, bool closed) const {
  const Heard heard = hear(from_client_, rule_.frames);
  const Told told = tell(client_.written(), echo_ ? from_client_.size() + 125 : rule_.frames.max_bytes);
  const Cause cause = relay_->ending().cause;
  const auto service_saw = [&](bool fin) {
    require(echo_ || (service_.shut() == fin && service_.aborted() == !fin), "the service sees the end as it was");
  };
  if (heard.breach != 0) {
    require(cause == Cause::client_protocol_error, "a breach of the protocol is one");
    return service_saw(false);
  }
  if (heard.close != 0 && (finale == 0 || !closed)) {
    require(cause == Cause::client_closed && told.close == heard.close, "a Close is answered by the same");
    require(relay_->ending().close_received == heard.close, "and recorded");
    return service_saw(true);
  }
  const bool text_cut = rule_.frames.to_client == ToClient::text && slow_utf8(from_service_).unfinished > 0;
  if (!echo_ && finale == 1 && !text_cut) {
    require(cause == Cause::service_closed && told.close == 1000, "the service's end is a Close 1000");
    return service_saw(closed);
  }
  if (!echo_ && (finale == 1 || finale == 4)) {
    require(cause == Cause::service_error && told.close == 1011, "the service's break is a Close 1011");
    require(all_for_the_client(told), "behind all that it sent");
    return;
  }
  require(closed || cause == Cause::client_vanished, "who leaves without a Close has vanished");
  service_saw(false);
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule::fuzz;
  Script script(bascule::Bytes(data, size));
  const unsigned switches = script.byte();
  const unsigned pace_and_finale = script.byte();
  Session session(switches, pace_and_finale >> 4U & 3U);
  while (!script.over()) { session.step(script); }
  session.finish(pace_and_finale % 5);
  return 0;
}
