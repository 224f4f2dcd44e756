// Finding out who a visitor is: every proof that a route asks for is judged (proof/), what has to be waited for is
// waited for here, and what must not be tried too often is counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/auth/ask.hpp"
#include "proxy/auth/guesses.hpp"
#include "proxy/auth/hashing.hpp"
#include "proxy/auth/http_client.hpp"
#include "proxy/auth/remembered.hpp"
#include "proxy/auth/remote_keys.hpp"
#include "proxy/auth/used_tickets.hpp"
#include "proxy/base/result.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/proof/proof.hpp"
#include "proxy/proof/verdict.hpp"

namespace bascule::auth {

// What all workers share; it outlives every change of the rules.
struct Shared {
  Hashing hashing;
  Guesses guesses;
  UsedTickets tickets;
  Remembered remembered;
  proof::Keyring keyring = proof::make_keyring();
  RemoteKeys* remote_keys = nullptr;  // null: none is fetched

  explicit Shared(const Hashing::Options& options) : hashing(options) {}
};

// Why not. In words for the log; what the visitor is told is for others to say.
struct Unproven {
  enum class Why : std::uint8_t {
    malformed,    // a credential that cannot be read, or two that disagree
    absent,       // nothing was brought
    wrong,        // something was, and it is no good
    forbidden,    // an authorizer says that he may not
    guessing,     // too many wrong ones: come again after `retry_after`
    unavailable,  // it cannot be found out just now
    gone,         // nobody waits for the answer any more
  };
  Why why = Why::absent;
  std::string detail{};                   // of each proof; safe to print, without any credential
  std::vector<std::string> wrong{};       // the names of those that were brought and are no good
  std::vector<std::string> challenges{};  // of every proof the route asks for, as far as its kind has one
  std::chrono::seconds retry_after{5};
};

// He is who he says. `holds`: tickets that are taken, to be committed when he is let in.
struct Passed {
  proof::Identity identity;
  std::vector<TicketHold> holds{};
  std::vector<std::string> credentials{};  // what he has shown, as he sent it; never to be printed
  std::vector<std::string> cookies{};  // Set-Cookie fields, where a proof gives a session cookie that he has not yet
};

// On one worker.
class Prover {
 public:
  // `client`: null where nobody else is asked (`explain`): what depends on it is `unavailable` then.
  Prover(Shared& shared, HttpClient* client) : shared_(shared), client_(client) {}

  using Outcome = Result<Passed, Unproven>;

  // `counted_as`: the visitor's address as failures are counted by it. By `deadline`. Everything borrowed outlives the
  // call.
  net::Async<Outcome> prove(net::Waiter& waiter, const proof::Wanted& wanted, const proof::Presented& presented,
                            const std::string& counted_as, TimePoint deadline);

  // User and password from a login page: against each proof of the route that has one.
  net::Async<Outcome> log_in(net::Waiter& waiter, const proof::Wanted& wanted, const std::string& user,
                             const std::string& password, const std::string& counted_as, TimePoint deadline);

  // Asks every authorizer again by which somebody came in. Empty: all still say yes, and no less than before.
  net::Async<std::optional<Unproven>> recheck(net::Waiter& waiter, const proof::Identity& identity,
                                              const proof::Presented& presented);

 private:
  struct Question;
  net::Async<Outcome> find_out(Question& question, const proof::Wanted& wanted);
  net::Async<Outcome> find_out_any(Question& question, const proof::Wanted& wanted);
  net::Async<Outcome> find_out_all(Question& question, const proof::Wanted& wanted);
  net::Async<Outcome> settle(Question& question, const std::shared_ptr<const proof::Proof>& proof,
                             proof::Verdict verdict);
  void count_guesses(const Question& question, const Passed* passed);
  net::Async<std::optional<Unproven>> slow_down(Question& question, const proof::Proof& proof, const std::string& name);
  net::Async<Outcome> check_password(Question& question, const std::shared_ptr<const proof::Proof>& proof,
                                     proof::AskPassword asked);
  net::Async<Outcome> ask_for_keys(Question& question, const std::shared_ptr<const proof::Proof>& proof,
                                   proof::AskKeys asked);
  net::Async<Outcome> ask_authorizer(Question& question, const std::shared_ptr<const proof::Proof>& proof);
  net::Async<Outcome> settle_guessable(Question& question, const std::shared_ptr<const proof::Proof>& proof,
                                       proof::Verdict verdict);
  net::Async<Outcome> settle_proven(Question& question, const std::shared_ptr<const proof::Proof>& proof,
                                    proof::Proven proven);

  Shared& shared_;
  HttpClient* client_;
};

}  // namespace bascule::auth
