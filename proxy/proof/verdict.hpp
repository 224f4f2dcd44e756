// What one proof makes of what a visitor brings. Pure: what has to be waited for is named, not waited for.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/time.hpp"
#include "proxy/proof/credential.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/proof/proof.hpp"

namespace bascule::proof {

// Nothing was brought. `why` may say more: "the session cookie is over".
struct Absent {
  std::string why{};
};

// A ticket that is good once: by this digest (32 bytes) it is known until it ends.
struct Once {
  std::string digest;
  WallTime until;
};

struct Proven {
  Identity identity;           // `by` is the proof
  std::optional<Once> once{};  // to be taken before anybody is let in
  bool by_cookie = false;      // by the session cookie, not by the credential itself
  std::string bond{};          // what a session cookie made from this rests on; see session_cookie.hpp
};

// Brought, and no good.
struct Wrong {
  std::string why;     // for the log; never the credential
  bool guess = false;  // of something that can be guessed: it counts
  std::string user{};  // whom he said to be, where he did; safe to print
};

// Two credentials that are not the same.
struct Disagree {
  std::string why;
};

// --- what only somebody who can wait finds out ---

// Does this password have this hash? With `known` false the answer is no whatever it says, and costs the same.
struct AskPassword {
  std::string user{};
  std::string password{};
  std::string hash{};
  bool known = true;
  Proven then{};  // if so
};

// The key set may be old: read it again, then judge again.
struct AskKeys {
  std::string kid;
};

// Ask the authorizer.
struct AskAuthorizer {};

using Verdict = std::variant<Absent, Proven, Wrong, Disagree, AskPassword, AskKeys, AskAuthorizer>;

// Where nothing else can be asked.
struct Keyring {
  std::vector<Secret> cookies;  // the process's own, for session cookies without a `secret`
  std::string stand_in;         // the process's key for UserList::stand_in_for
};
Keyring make_keyring();

// The credential itself, where one was brought, decides alone; without one the session cookie does, where the proof
// gives any. A credential that cannot be read is a Disagree, as are two session cookies of one name. Texts for the log
// name places, never what stands there.
//
// A session cookie holds as long as what it rests on: the user's hash, the token's secret, the ticket's route (its
// address too, and its words), the jwt's keys, issuers and audiences as they are written, the certificate's conditions.
// The groups of `basic`, user and groups of `token` are those that the rules give today.
Verdict judge_proof(const std::shared_ptr<const Proof>& proof, const Presented& presented, const Keyring& keyring,
                    WallTime now);

// The same for a password that came by the login page; `proof` is a Basic.
Verdict judge_password(const std::shared_ptr<const Proof>& proof, std::string_view user, std::string_view password,
                       const Keyring& keyring);

// The value of the Set-Cookie field for somebody proven; `now` and the proof's own end bound its life. Empty where
// there is none to make: the proof gives none, he came by one, or it would be more than a browser keeps. `ask` gives
// none.
std::string cookie_for(const Proof& proof, const Proven& proven, const Keyring& keyring, WallTime now);

// Who somebody is whom an authorizer has admitted. `fields`: those of its answer.
std::optional<Identity> identity_of_answer(const std::shared_ptr<const Proof>& proof,
                                           const std::vector<wire::http::Field>& fields);

// The value of a WWW-Authenticate field (RFC 9110, section 11.6.1); empty for a kind that has none (a certificate, a
// ticket). `wrong`: something was brought (RFC 6750, section 3: only then is there an error to tell).
std::string challenge_of(const Proof& proof, bool wrong);

}  // namespace bascule::proof
