// The splice: a client's frames on one side, a service's bytes on the other.
//
// A direction that cannot write does not read: that is the whole of backpressure. The two directions never wait for
// each other. How each end of one side is told to the other is the table in test/relay/splice_test.cpp.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/relay/client_side.hpp"
#include "proxy/relay/lifespan.hpp"
#include "proxy/relay/relay.hpp"
#include "proxy/relay/service_side.hpp"

namespace bascule::relay {

class Splice final : public Relay {
 public:
  // All of them outlive the splice. Bytes that were read too early (frames behind the request) are given back to their
  // stream before.
  Splice(Stream& client, Stream& service, const policy::SessionRule& rule, Workbench& bench, TimePoint now);

  Turn turn(TimePoint now) override;
  void end(Cause why, TimePoint now) override;
  void excuse(TimePoint now) override;
  const Ending& ending() const override { return session_.ending; }
  const Counters& counters() const override { return counters_; }

 private:
  bool inflow(TimePoint now);   // client to service; true when bytes moved
  bool outflow(TimePoint now);  // service to client; likewise
  void count_outflow(std::size_t bytes, TimePoint now);
  bool outflow_by_pipe(std::size_t bytes_max, TimePoint now);
  void frame(MutableBytes chunk, TimePoint now);
  void send_rest_of_text(TimePoint now);
  void check_deadlines(TimePoint now);
  void conclude(TimePoint now);
  bool wants_text() const;
  bool over_pace(TimePoint now) const;
  bool paused(TimePoint now) const { return (service_.takes_data() && service_blocked_) || over_pace(now); }
  bool service_is_owed() const;
  bool client_is_owed() const;
  Limit patience() const;
  Turn verdict(bool again, TimePoint now) const;

  Session session_;
  Counters counters_;
  ClientSide client_;
  ServiceSide service_;
  Lifespan lifespan_;
  Allowance to_client_{Allowance::Of::bytes};
  bool service_blocked_ = false;  // the service has not taken all we had for it
  std::uint8_t large_reads_ = 0;  // in a row, of what the service sends; see bulk_from
  std::uint8_t cut_bytes_ = 0;    // of a character whose rest has not come: at most 3
  std::array<std::uint8_t, 3> cut_{};
};

}  // namespace bascule::relay
