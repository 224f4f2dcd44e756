// The built-in `echo:` target: every message returns as it came, its kind and its borders kept, streaming: a piece goes
// back as soon as it has come, as a fragment of the message that answers.
#pragma once

#include "proxy/relay/client_side.hpp"
#include "proxy/relay/lifespan.hpp"
#include "proxy/relay/relay.hpp"

namespace bascule::relay {

class Echo final : public Relay {
 public:
  // All of them outlive the echo.
  Echo(Stream& client, const policy::SessionRule& rule, Workbench& bench, TimePoint now);

  Turn turn(TimePoint now) override;
  void end(Cause why, TimePoint now) override;
  void excuse(TimePoint now) override;
  const Ending& ending() const override { return session_.ending; }
  const Counters& counters() const override { return counters_; }

 private:
  bool step(TimePoint now);
  bool over_pace(TimePoint now) const;
  void check_deadlines(TimePoint now);
  void conclude(TimePoint now);

  Session session_;
  Counters counters_;
  ClientSide client_;
  Lifespan lifespan_;
  Allowance to_client_{Allowance::Of::bytes};
  bool in_message_ = false;  // a frame of the answering message has gone out, its last has not
};

}  // namespace bascule::relay
