#include "proxy/auth/prover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"

namespace bascule::auth {

using namespace std::chrono_literals;
using net::Async;
using net::Wake;
using proof::Identity;
using proof::Proof;
using proof::Wanted;

namespace {

// How long a password that was right is known to be, for the address that brought it: a page with its twenty files
// costs one hash. (A hash that has changed in the file is another question.)
constexpr auto remember_password_for = 60s;
constexpr auto busy_retry_after = 2s;

using Why = Unproven::Why;

// Of several noes the one that says most: what cannot be read is wrong whatever else there is; what may pass by itself
// comes before what does not.
int rank(Why why) {
  constexpr std::array order{Why::absent,   Why::wrong,     Why::forbidden, Why::unavailable,
                             Why::guessing, Why::malformed, Why::gone};
  return static_cast<int>(std::find(order.begin(), order.end(), why) - order.begin());
}

// Ends the search: no other proof would be asked after these.
bool is_final(Why why) {
  return why == Why::gone || why == Why::malformed;
}

template <typename Item>
void append(std::vector<Item>& to, std::vector<Item> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Unproven join(Unproven first, Unproven second) {
  if (rank(second.why) > rank(first.why)) {
    first.why = second.why;
    first.retry_after = second.retry_after;
  }
  if (!first.detail.empty() && !second.detail.empty()) { first.detail += "; "; }
  first.detail += second.detail;
  append(first.challenges, std::move(second.challenges));
  append(first.wrong, std::move(second.wrong));
  return first;
}

// Who has proven both: called as the first says, unless that names nobody; of the groups and claims of both.
Passed join(Passed first, Passed second) {
  Identity& one = first.identity;
  Identity& other = second.identity;
  if (one.user.empty()) { one.user = std::move(other.user); }
  for (std::string& group : other.groups) {
    const bool known = std::find(one.groups.begin(), one.groups.end(), group) != one.groups.end();
    if (!known) { one.groups.push_back(std::move(group)); }
  }
  one.claims.merge(other.claims);
  if (other.expires) { one.expires = one.expires ? std::min(*one.expires, *other.expires) : *other.expires; }
  if (!one.target) { one.target = std::move(other.target); }
  append(one.by, std::move(other.by));
  append(one.answered.users, std::move(other.answered.users));
  append(one.answered.groups, std::move(other.answered.groups));
  append(one.answered.targets, std::move(other.answered.targets));
  append(first.holds, std::move(second.holds));
  append(first.cookies, std::move(second.cookies));
  append(first.credentials, std::move(second.credentials));
  return first;
}

std::string told(const Proof& proof, std::string_view what) {
  return fmt::format("{} ({}): {}", proof.name, proof.kind(), what);
}

Unproven no(const Proof& proof, Why why, std::string_view what) {
  Unproven no{.why = why, .detail = told(proof, what)};
  if (why == Why::wrong) { no.wrong.push_back(proof.name); }
  return no;
}

Unproven too_many(const Proof& proof, std::chrono::seconds go_away) {
  Unproven too_many = no(proof, Why::guessing, "too many wrong ones from here, or for this user");
  too_many.retry_after = go_away;
  return too_many;
}

Unproven gone() {
  return {.why = Why::gone};
}

// Every way in is told, not only those that were tried.
void add_challenges(Unproven& unproven, const Wanted& wanted) {
  for (const auto& proof : wanted.proofs()) {
    const bool wrong = std::find(unproven.wrong.begin(), unproven.wrong.end(), proof->name) != unproven.wrong.end();
    std::string challenge = proof::challenge_of(*proof, wrong);
    if (!challenge.empty()) { unproven.challenges.push_back(std::move(challenge)); }
  }
}

// By what somebody's failures are counted, besides his address.
std::string guessed_name(const Proof& proof, std::string_view user) {
  return fmt::format("{}\n{}", proof.name, user);
}

const std::string* field_of(const proof::Presented& presented, std::string_view name) {
  return presented.head == nullptr ? nullptr : presented.head->find(name);
}

// What this proof looks at, as the visitor sent it. Several proofs may look at the same.
std::vector<std::string> credentials_for(const Proof& proof, const proof::Presented& presented) {
  std::vector<std::string> credentials;
  if (std::holds_alternative<proof::Basic>(proof.how)) {
    if (const std::string* sent = field_of(presented, "authorization")) { credentials.push_back(*sent); }
  } else if (const auto* asked = std::get_if<proof::Ask>(&proof.how)) {
    constexpr std::string_view bearer = "Bearer ";
    for (const std::string& name : asked->pass) {
      const std::string* sent = field_of(presented, name);
      if (sent == nullptr) { continue; }
      credentials.push_back(*sent);
      if (sent->starts_with(bearer)) { credentials.push_back(sent->substr(bearer.size())); }
    }
  } else if (presented.head != nullptr) {
    const auto found = proof::find_credential(proof.credential_places(), presented);
    if (found && *found) { credentials.push_back(**found); }
  }
  return credentials;
}

// Can the credential of this proof be found by trying?
bool is_guessable(const Proof& proof) {
  return std::holds_alternative<proof::Basic>(proof.how) || std::holds_alternative<proof::Token>(proof.how);
}

// False when we are told to stop.
Async<bool> hold_back(net::Waiter& waiter, std::chrono::milliseconds time) {
  if (time <= 0ms) { co_return true; }
  const TimePoint until = waiter.loop().now() + time;
  for (;;) {
    const Wake wake = co_await waiter.wait(until);
    if (wake == Wake::stopped) { co_return false; }
    if (wake == Wake::timeout) { co_return true; }
  }
}

}  // namespace

namespace {

// Whoever was let in as somebody, with some groups and to some place, is still that: more groups do no harm.
bool says_no_less(const Identity::Answered& before, const Identity::Answered& now) {
  return before.users == now.users && before.targets == now.targets &&
         std::all_of(before.groups.begin(), before.groups.end(), [&](const std::string& group) {
           return std::find(now.groups.begin(), now.groups.end(), group) != now.groups.end();
         });
}

}  // namespace

struct Prover::Question {
  net::Waiter& waiter;
  const proof::Presented& presented;
  const std::string& counted_as;
  TimePoint deadline;
  WallTime now;

  // What was tried and is wrong. It counts once the whole answer is known: what one proof takes for a wrong password
  // may be the right one of another.
  struct Guess {
    std::string name;  // whose; empty: only the address counts
    std::vector<std::string> credentials;
  };
  std::vector<Guess> guesses{};
  bool held_back = false;  // he has waited for his earlier failures
};

// --- one proof -------------------------------------------------------------------------------------------------------

Async<Prover::Outcome> Prover::settle_proven(Question& question, const std::shared_ptr<const Proof>& proof,
                                             proof::Proven proven) {
  Passed passed;
  if (!proven.by_cookie) { passed.credentials = credentials_for(*proof, question.presented); }
  if (proven.once) {
    UsedTickets::Taken taken = co_await shared_.tickets.take(proven.once->digest, proven.once->until, question.now);
    if (taken.said == UsedTickets::Said::used_before) { co_return no(*proof, Why::wrong, "used before"); }
    if (taken.said == UsedTickets::Said::full) {
      co_return no(*proof, Why::unavailable, "more tickets are in use than can be remembered");
    }
    passed.holds.push_back(std::move(taken.hold));
  }
  if (proof->cookie && !proven.by_cookie) {
    std::string cookie = proof::cookie_for(*proof, proven, shared_.keyring, question.now);
    if (!cookie.empty()) { passed.cookies.push_back(std::move(cookie)); }
  }
  passed.identity = std::move(proven.identity);
  co_return passed;
}

// Whoever has failed too often waits, or is sent away. Many who waited side by side are asked after once more.
Async<std::optional<Unproven>> Prover::slow_down(Question& question, const Proof& proof, const std::string& name) {
  net::Loop& loop = question.waiter.loop();
  Guesses::Advice advice = shared_.guesses.before(question.counted_as, name, loop.now());
  if (advice.go_away <= 0s && advice.wait > 0ms && !question.held_back) {
    question.held_back = true;
    const bool still_here = co_await hold_back(question.waiter, advice.wait);
    if (!still_here) { co_return gone(); }
    advice = shared_.guesses.before(question.counted_as, name, loop.now());
  }
  if (advice.go_away > 0s) { co_return too_many(proof, advice.go_away); }
  co_return std::nullopt;
}

Async<Prover::Outcome> Prover::check_password(Question& question, const std::shared_ptr<const Proof>& proof,
                                              proof::AskPassword asked) {
  const std::string digest =
      shared_.remembered.digest({"password", question.counted_as, proof->name, asked.user, asked.password, asked.hash});
  const bool known = asked.known && shared_.remembered.find(digest, question.waiter.loop().now()).has_value();
  if (known) {
    Outcome outcome = co_await settle_proven(question, proof, std::move(asked.then));
    co_return outcome;
  }
  const std::string name = guessed_name(*proof, asked.user);
  std::optional<Unproven> held_off = co_await slow_down(question, *proof, name);
  if (held_off) { co_return std::move(*held_off); }

  const Hashing::Said said =
      co_await shared_.hashing.matches(question.waiter, asked.password, asked.hash, question.deadline);
  switch (said) {
    case Hashing::Said::stopped: co_return gone();
    case Hashing::Said::busy:
    case Hashing::Said::late: {
      Unproven busy = no(*proof, Why::unavailable, "too many passwords are being checked just now");
      busy.retry_after = busy_retry_after;
      co_return busy;
    }
    case Hashing::Said::yes:
    case Hashing::Said::no: break;
  }
  // Those who were let through side by side learn nothing once one of them has failed too often.
  const TimePoint now = question.waiter.loop().now();
  const Guesses::Advice advice = shared_.guesses.before(question.counted_as, name, now);
  const bool right = said == Hashing::Said::yes && asked.known;
  if (!right) { question.guesses.push_back({name, credentials_for(*proof, question.presented)}); }
  if (advice.go_away > 0s) { co_return too_many(*proof, advice.go_away); }
  if (!right) {
    // Who is there and who is not is told to the operator, who knows; a name that is not there may be anything, such as
    // a password in the wrong field.
    co_return no(*proof, Why::wrong,
                 asked.known ? fmt::format("wrong password of user '{}'", shown(asked.user, 64))
                             : std::string("no user of that name"));
  }
  shared_.guesses.succeeded(question.counted_as, name, now);
  shared_.remembered.put(digest, {}, now + remember_password_for);
  Outcome outcome = co_await settle_proven(question, proof, std::move(asked.then));
  co_return outcome;
}

// What can be guessed and is answered without a hash: the password of an inline user, a token. Tokens are nobody's
// name: they count by the address alone.
Async<Prover::Outcome> Prover::settle_guessable(Question& question, const std::shared_ptr<const Proof>& proof,
                                                proof::Verdict verdict) {
  auto* proven = std::get_if<proof::Proven>(&verdict);
  const auto* wrong = std::get_if<proof::Wrong>(&verdict);
  std::string name;
  if (std::holds_alternative<proof::Basic>(proof->how)) {
    name = guessed_name(*proof, proven != nullptr ? proven->identity.user : wrong->user);
  }
  std::optional<Unproven> held_off = co_await slow_down(question, *proof, name);
  if (held_off) { co_return std::move(*held_off); }
  if (proven == nullptr) {
    question.guesses.push_back({name, credentials_for(*proof, question.presented)});
    co_return no(*proof, Why::wrong, wrong->why);
  }
  shared_.guesses.succeeded(question.counted_as, name, question.waiter.loop().now());
  Outcome outcome = co_await settle_proven(question, proof, std::move(*proven));
  co_return outcome;
}

Async<Prover::Outcome> Prover::ask_authorizer(Question& question, const std::shared_ptr<const Proof>& proof) {
  if (client_ == nullptr) {
    co_return no(*proof, Why::unavailable,
                 fmt::format("{} is not asked here", std::get<proof::Ask>(proof->how).url.text()));
  }
  Asked answer = co_await ask(*client_, shared_.remembered, question.waiter, proof, question.presented, Memory::use,
                              question.deadline);
  if (auto* yes = std::get_if<AskedYes>(&answer)) {
    proof::Proven proven{.identity = std::move(yes->identity)};
    Outcome outcome = co_await settle_proven(question, proof, std::move(proven));
    co_return outcome;
  }
  if (const auto* refused = std::get_if<AskedNo>(&answer)) {
    Unproven said_no = no(*proof, refused->forbidden ? Why::forbidden : Why::wrong, "the authorizer says no");
    if (!refused->challenge.empty()) { said_no.challenges.push_back(refused->challenge); }
    co_return said_no;
  }
  const auto& in_vain = std::get<AskedInVain>(answer);
  if (in_vain.stopped) { co_return gone(); }
  co_return no(*proof, Why::unavailable, in_vain.why);
}

// A key that is not known yet may be there by now.
Async<Prover::Outcome> Prover::ask_for_keys(Question& question, const std::shared_ptr<const Proof>& proof,
                                            proof::AskKeys asked) {
  const auto& keys = std::get<proof::Jwt>(proof->how).keys;
  if (shared_.remote_keys != nullptr && client_ != nullptr && keys.url) {
    const bool newer = co_await shared_.remote_keys->ask_again(question.waiter, keys, question.deadline);
    if (newer) {
      proof::Verdict again = proof::judge_proof(proof, question.presented, shared_.keyring, question.now);
      if (!std::holds_alternative<proof::AskKeys>(again)) {
        Outcome outcome = co_await settle(question, proof, std::move(again));
        co_return outcome;
      }
    }
  }
  if (keys.set->current()->size() == 0) {
    co_return no(
        *proof, Why::unavailable,
        fmt::format("the keys of {} have not been read{}", keys.written, client_ == nullptr ? " here" : " yet"));
  }
  co_return no(*proof, Why::wrong, fmt::format("signed with key '{}', which is not among ours", shown(asked.kid, 64)));
}

Async<Prover::Outcome> Prover::settle(Question& question, const std::shared_ptr<const Proof>& proof,
                                      proof::Verdict verdict) {
  if (const auto* absent = std::get_if<proof::Absent>(&verdict)) {
    co_return no(*proof, Why::absent, absent->why.empty() ? "nothing was sent" : std::string_view(absent->why));
  }
  if (const auto* disagree = std::get_if<proof::Disagree>(&verdict)) {
    co_return no(*proof, Why::malformed, disagree->why);
  }
  if (auto* password = std::get_if<proof::AskPassword>(&verdict)) {
    Outcome outcome = co_await check_password(question, proof, std::move(*password));
    co_return outcome;
  }
  if (auto* keys = std::get_if<proof::AskKeys>(&verdict)) {
    Outcome outcome = co_await ask_for_keys(question, proof, std::move(*keys));
    co_return outcome;
  }
  if (std::holds_alternative<proof::AskAuthorizer>(verdict)) {
    Outcome outcome = co_await ask_authorizer(question, proof);
    co_return outcome;
  }
  auto* proven = std::get_if<proof::Proven>(&verdict);
  const auto* wrong = std::get_if<proof::Wrong>(&verdict);
  const bool counts = proven != nullptr ? is_guessable(*proof) && !proven->by_cookie : wrong->guess;
  if (counts) {
    Outcome outcome = co_await settle_guessable(question, proof, std::move(verdict));
    co_return outcome;
  }
  if (wrong != nullptr) { co_return no(*proof, Why::wrong, wrong->why); }
  Outcome outcome = co_await settle_proven(question, proof, std::move(*proven));
  co_return outcome;
}

// --- all that a route asks for ---------------------------------------------------------------------------------------

Async<Prover::Outcome> Prover::find_out_any(Question& question, const Wanted& wanted) {
  std::optional<Unproven> noes;
  for (const Wanted& item : wanted.of) {
    Outcome outcome = co_await find_out(question, item);
    if (outcome || is_final(outcome.error().why)) { co_return outcome; }
    noes = noes ? join(std::move(*noes), std::move(outcome.error())) : std::move(outcome.error());
  }
  co_return std::move(*noes);
}

Async<Prover::Outcome> Prover::find_out_all(Question& question, const Wanted& wanted) {
  std::optional<Passed> passed;
  for (const Wanted& item : wanted.of) {
    Outcome outcome = co_await find_out(question, item);
    if (!outcome) { co_return outcome; }
    passed = passed ? join(std::move(*passed), std::move(*outcome)) : std::move(*outcome);
  }
  co_return std::move(*passed);
}

Async<Prover::Outcome> Prover::find_out(Question& question, const Wanted& wanted) {
  if (wanted.kind == Wanted::Kind::one) {
    proof::Verdict verdict = proof::judge_proof(wanted.proof, question.presented, shared_.keyring, question.now);
    Outcome outcome = co_await settle(question, wanted.proof, std::move(verdict));
    co_return outcome;
  }
  if (wanted.kind == Wanted::Kind::all) {
    Outcome outcome = co_await find_out_all(question, wanted);
    co_return outcome;
  }
  Outcome outcome = co_await find_out_any(question, wanted);
  co_return outcome;
}

// A wrong guess counts, unless what was taken for one is what he came in with. It counts for him who came in by
// something else as well: one good token is no licence to try passwords beside it.
void Prover::count_guesses(const Question& question, const Passed* passed) {
  const TimePoint now = question.waiter.loop().now();
  for (const Question::Guess& guess : question.guesses) {
    const bool forgiven =
        passed != nullptr &&
        std::any_of(guess.credentials.begin(), guess.credentials.end(), [&](const std::string& credential) {
          return std::find(passed->credentials.begin(), passed->credentials.end(), credential) !=
                 passed->credentials.end();
        });
    if (!forgiven) { shared_.guesses.failed(question.counted_as, guess.name, now); }
  }
}

Async<Prover::Outcome> Prover::prove(net::Waiter& waiter, const Wanted& wanted, const proof::Presented& presented,
                                     const std::string& counted_as, TimePoint deadline) {
  Question question{.waiter = waiter,
                    .presented = presented,
                    .counted_as = counted_as,
                    .deadline = deadline,
                    .now = std::chrono::system_clock::now()};
  Outcome outcome = co_await find_out(question, wanted);
  count_guesses(question, outcome ? &*outcome : nullptr);
  if (!outcome) { add_challenges(outcome.error(), wanted); }
  co_return outcome;
}

Async<Prover::Outcome> Prover::log_in(net::Waiter& waiter, const Wanted& wanted, const std::string& user,
                                      const std::string& password, const std::string& counted_as, TimePoint deadline) {
  const proof::Presented nothing;
  Question question{.waiter = waiter,
                    .presented = nothing,
                    .counted_as = counted_as,
                    .deadline = deadline,
                    .now = std::chrono::system_clock::now()};
  std::optional<Unproven> noes;
  for (const auto& proof : wanted.proofs()) {
    if (!proof->has_login()) { continue; }
    proof::Verdict verdict = proof::judge_password(proof, user, password, shared_.keyring);
    Outcome outcome = co_await settle(question, proof, std::move(verdict));
    if (outcome) { co_return outcome; }
    const bool last = is_final(outcome.error().why);
    noes = noes ? join(std::move(*noes), std::move(outcome.error())) : std::move(outcome.error());
    if (last) { break; }
  }
  count_guesses(question, nullptr);
  if (!noes) { co_return Unproven{.why = Why::absent, .detail = "no proof here has a login"}; }
  co_return std::move(*noes);
}

Async<std::optional<Unproven>> Prover::recheck(net::Waiter& waiter, const Identity& identity,
                                               const proof::Presented& presented) {
  Identity::Answered said;
  for (const auto& proof : identity.by) {
    if (!std::holds_alternative<proof::Ask>(proof->how) || client_ == nullptr) { continue; }
    Asked answer = co_await ask(*client_, shared_.remembered, waiter, proof, presented, Memory::fresh);
    if (auto* yes = std::get_if<AskedYes>(&answer)) {
      Identity::Answered& fresh = yes->identity.answered;
      append(said.users, std::move(fresh.users));
      append(said.groups, std::move(fresh.groups));
      append(said.targets, std::move(fresh.targets));
      continue;
    }
    if (const auto* refused = std::get_if<AskedNo>(&answer)) {
      co_return no(*proof, refused->forbidden ? Why::forbidden : Why::wrong, "the authorizer says no");
    }
    co_return no(*proof, Why::unavailable, std::get<AskedInVain>(answer).why);
  }
  if (!says_no_less(identity.answered, said)) {
    co_return Unproven{.why = Why::forbidden, .detail = "the authorizer speaks of somebody else, or of fewer groups"};
  }
  co_return std::nullopt;
}

}  // namespace bascule::auth
