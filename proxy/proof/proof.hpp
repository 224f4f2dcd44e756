// The ways in which a page can prove who its user is, as the rules' `auth` names them: plain values, complete,
// immutable once built. What is read again when its file changes is a Source.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/place.hpp"
#include "proxy/base/time.hpp"
#include "proxy/proof/certificate.hpp"
#include "proxy/proof/credential.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/proof/jwt.hpp"
#include "proxy/proof/key_set.hpp"
#include "proxy/proof/secret.hpp"
#include "proxy/proof/users.hpp"

namespace bascule::proof {

using namespace std::chrono_literals;

// User and password (RFC 7617), against a list of users or one user.
struct Basic {
  struct One {
    std::string user;
    Secret password;  // plain; from outside the rules file
    friend bool operator==(const One&, const One&) = default;
  };
  std::string realm;
  std::shared_ptr<UserSource> users{};  // null: `one`
  std::optional<One> one{};
  std::string users_source{};  // "{file: staff.htpasswd}": as `show` prints it
  std::map<std::string, std::vector<std::string>, std::less<>> groups{};  // group to users
  friend bool operator==(const Basic& a, const Basic& b);
};

// A resource on the web that we ask: "http://127.0.0.1:9091/verify".
struct Url {
  bool secure = false;
  std::string host;  // a name, or an IP address without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query
  std::string text() const;
  friend bool operator==(const Url&, const Url&) = default;
};

// Keys of one jwt proof: given with the rules, or fetched.
struct Keys {
  std::shared_ptr<Source<KeySet>> set;     // never null; of a URL empty until it has been fetched
  std::optional<Url> url{};                // https only: read from here, by auth/
  std::string url_authorities{};           // path of a PEM file; empty: the system's
  std::chrono::milliseconds refresh = 1h;  // of a URL: read again this often, and for an unknown key
  std::vector<Algorithm> algorithms{};     // as written; empty: by the keys
  std::string written{};                   // as `show` prints it: a path, a URL, "{env: NAME}"
  std::string digest{};                    // of what was read, so that two can be compared
  friend bool operator==(const Keys& a, const Keys& b);
};

struct Jwt {
  Keys keys;
  JwtRule rule;
  std::vector<CredentialPlace> credential{{}};
  std::string user_from = "sub";  // a claim with one text; without it the token is no good
  // Empty: none. A claim with a list of texts; one text alone may hold several, parted by spaces or commas as in
  // `scope`.
  std::string groups_from{};
  friend bool operator==(const Jwt&, const Jwt&) = default;
};

// A ticket's end is for entering; the session that it has opened goes on.
struct Ticket {
  std::vector<Secret> secrets;  // the first is minted with, all are taken
  std::chrono::seconds max_age = 60s;
  bool single_use = true;
  std::vector<CredentialPlace> credential{{.in = CredentialPlace::In::query, .name = "ticket"}};
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

// A static secret, for robots. In Authorization only what RFC 6750 takes for a token can be read: letters, digits and
// -._~+/ with = at the end.
struct Token {
  std::vector<Secret> secrets;
  std::string user;
  std::vector<std::string> groups{};
  std::vector<CredentialPlace> credential{{}};
  friend bool operator==(const Token&, const Token&) = default;
};

struct ClientCertificate {
  enum class UserFrom : std::uint8_t { subject_cn, subject_dn, san_email, san_dns, san_uri };
  UserFrom user_from = UserFrom::subject_cn;
  std::vector<std::string> issuers{};       // RFC 2253, compared as a whole; empty: any
  std::vector<std::string> fingerprints{};  // SHA-256, 64 lower case hexadecimal digits; empty: any
  std::optional<Authorities> authorities{};
  std::string authorities_path{};
  friend bool operator==(const ClientCertificate&, const ClientCertificate&) = default;
};

// A question to an HTTP authorizer, as reverse proxies ask it.
struct Ask {
  Url url{};
  std::string authorities{};        // path of a PEM file, for https; empty: the system's
  std::vector<std::string> pass{};  // (lower case) names of the fields that are passed on
  std::string user_from{};          // fields of its answer, lower case; empty: none
  std::string groups_from{};        // items parted by commas
  std::string target_from{};
  std::chrono::milliseconds timeout = 5s;
  std::chrono::milliseconds cache = 5s;  // how long a yes holds for the same question; 0: not at all
  Limit recheck{};                       // of a session that lives
  friend bool operator==(const Ask&, const Ask&) = default;
};

struct SessionCookie {
  std::chrono::seconds max_age = 8h;
  std::vector<Secret> secrets{};  // empty: one that the process makes when it starts
  bool login = false;             // `basic` only: who has no proof yet gets a page to log in
  friend bool operator==(const SessionCookie&, const SessionCookie&) = default;
};

// In the order of the variant.
struct Proof {
  std::string name;
  Place place{};
  std::variant<Basic, Jwt, Ticket, Token, ClientCertificate, Ask> how;
  std::optional<SessionCookie> cookie{};

  std::string_view kind() const;  // "basic", "jwt", ... as the rules write it
  bool has_login() const { return cookie && cookie->login; }
  // Where its credential may stand; empty for kinds that have places of their own.
  const std::vector<CredentialPlace>& credential_places() const;
  friend bool operator==(const Proof&, const Proof&) = default;
};

// What a route asks for: any of these, all of these, nested.
struct Wanted {
  enum class Kind : std::uint8_t { nothing, one, any, all };
  Kind kind = Kind::nothing;
  std::shared_ptr<const Proof> proof{};  // one
  std::vector<Wanted> of{};              // any and all; never empty

  bool open() const { return kind == Kind::nothing; }
  // Each proof in it, once, in the order written.
  std::vector<std::shared_ptr<const Proof>> proofs() const;
  bool has_login() const;
  // Is there a client certificate among them; and is there no way in without one?
  bool wants_certificate() const;
  bool needs_certificate() const;
  // By what somebody has proven already? Proofs are compared by what they say.
  bool satisfied_by(const std::vector<std::shared_ptr<const Proof>>& given) const;
  std::string text() const;  // "portal or (kiosk and staff)"
  friend bool operator==(const Wanted& a, const Wanted& b);
};

}  // namespace bascule::proof
