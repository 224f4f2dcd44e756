#include "proxy/relay/service_side.hpp"

#include <cerrno>

namespace bascule::relay {

namespace {

const char* reason_for(const Stream& stream, int error) {
  if (stream.trouble() != nullptr) { return stream.trouble(); }
  // TCP keepalive and TCP_USER_TIMEOUT find a service that is silently dead.
  return error == ETIMEDOUT ? "the service no longer answers" : "the service reset the connection";
}

}  // namespace

ServiceSide::ServiceSide(Stream& stream, Session& session) : stream_(stream), session_(session) {}

IoResult ServiceSide::read(MutableBytes into, TimePoint now) {
  const bool nothing_waited = !waits();
  const IoResult result = stream_.read(into);
  if (nothing_waited && stream_.held() > 0) { progress_.mark(now, stream_); }  // an answer of TLS itself
  switch (result.status) {
    case Io::bytes:
    case Io::wants_readable:
    case Io::wants_writable: return result;
    case Io::end: session_.ending.note(Cause::service_closed, ""); break;
    case Io::truncated: session_.ending.note(Cause::service_error, "the service cut its TLS connection off"); break;
    case Io::reset:
      // No longer there for our direction either.
      outbox_.clear();
      output_ = Output::broken;
      session_.ending.note(Cause::service_error, reason_for(stream_, result.error), result.error);
      break;
  }
  input_ = Input::ended;
  return result;
}

bool ServiceSide::flush(TimePoint now) {
  while (!outbox_.empty()) {
    const IoResult written = outbox_.flush(stream_);
    if (written.status == Io::reset) {
      on_write_error(written.error);
      return true;
    }
    if (written.waits()) { return false; }
    if (!outbox_.empty()) { progress_.mark(now, stream_); }
  }
  if (stream_.held() > 0) { return false; }
  if (output_ == Output::finishing) {
    stream_.shutdown_write();
    output_ = Output::shut;
    mark_closing(now);
  }
  if (output_ == Output::resetting && stream_.unsent() == 0) { abort(); }
  return true;
}

void ServiceSide::send(Bytes bytes, TimePoint now) {
  const IoResult written = stream_.write(bytes);
  if (written.status == Io::reset) {
    on_write_error(written.error);
  } else if (written.bytes < bytes.size()) {
    progress_.mark(now, stream_);
    outbox_.append(session_.bench.budget(), bytes.subspan(written.bytes));
  } else if (stream_.held() > 0) {
    progress_.mark(now, stream_);
  }
}

void ServiceSide::finish(How how, TimePoint now) {
  if (input_ == Input::data) {
    input_ = Input::discarding;
    mark_closing(now);
  }
  if (output_ != Output::open) { return; }
  output_ = how == How::end ? Output::finishing : Output::resetting;
  mark_closing(now);
}

void ServiceSide::on_write_error(int error) {
  // The first error decides: after a reset our writes fail, its last bytes stay readable, and then reading says 0 as
  // after a clean end. EPIPE is no reset: the service has closed, and whether properly reading will tell.
  if (error != EPIPE) { session_.ending.note(Cause::service_error, reason_for(stream_, error), error); }
  outbox_.clear();
  output_ = Output::broken;
}

bool ServiceSide::waits() const {
  return !outbox_.empty() || stream_.held() > 0;
}

bool ServiceSide::stalled(TimePoint now) {
  return waits() && progress_.overdue(now, session_.rule.timeouts.stall, stream_);
}

Limit ServiceSide::closing_limit(bool owed) const {
  const bool under_way = waits() || output_ == Output::resetting;
  return under_way && owed ? session_.rule.timeouts.stall : session_.rule.timeouts.close;
}

void ServiceSide::expire(TimePoint now, bool owed) {
  if (output_ == Output::open) {
    if (stalled(now)) { abort(); }
    return;
  }
  if (finished() || input_ == Input::data) {
    return;
  }  // what a broken service had sent is still on its way to the client
  const Limit limit = closing_limit(owed);
  if (owed ? !progress_.overdue(now, limit, stream_) : now < after(closing_at_, limit)) { return; }
  if (output_ == Output::shut) {
    input_ = Input::ended;  // it never ended its own direction
  } else {
    abort();  // it did not take what it was owed, so its end must not look clean
  }
}

TimePoint ServiceSide::wake_at(bool closing, bool owed, TimePoint now) const {
  if (!closing || output_ == Output::open) { return waits() ? progress_.due(session_.rule.timeouts.stall) : never; }
  if (finished() || input_ == Input::data) { return never; }
  const Limit limit = closing_limit(owed);
  const TimePoint due = owed ? progress_.due(limit) : after(closing_at_, limit);
  return output_ == Output::resetting && !waits() ? std::min(due, now + look_every) : due;
}

void ServiceSide::look_for_break() {
  const int error = stream_.broken();
  if (error != 0 && output_ != Output::broken && output_ != Output::shut) { on_write_error(error); }
}

void ServiceSide::leave(TimePoint now) {
  finish(How::end, now);
  flush(now);
  if (output_ == Output::shut) {
    input_ = Input::ended;
  } else {
    abort();
  }
}

void ServiceSide::mark_closing(TimePoint now) {
  closing_at_ = now;
  progress_.mark(now);
}

void ServiceSide::abort() {
  stream_.abort();
  outbox_.clear();
  input_ = Input::ended;
  output_ = Output::broken;
}

bool ServiceSide::finished() const {
  return input_ == Input::ended && (output_ == Output::shut || output_ == Output::broken);
}

}  // namespace bascule::relay
