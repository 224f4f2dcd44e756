#include "proxy/proof/proof.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bascule::proof {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Wanted::Kind;
using Pointer = std::shared_ptr<const Proof>;

Pointer token_proof(std::string name, std::string secret = "secret") {
  return std::make_shared<const Proof>(
      Proof{.name = std::move(name), .how = Token{.secrets = {{std::move(secret), "{env: T}"}}, .user = "robot"}});
}

Wanted one(Pointer proof) {
  return {.kind = Kind::one, .proof = std::move(proof)};
}
Wanted any_of(std::vector<Wanted> of) {
  return {.kind = Kind::any, .of = std::move(of)};
}
Wanted all_of(std::vector<Wanted> of) {
  return {.kind = Kind::all, .of = std::move(of)};
}

const Pointer portal = token_proof("portal");
const Pointer kiosk = token_proof("kiosk");
const Pointer staff = token_proof("staff");

// --- Wanted ----------------------------------------------------------------------------------------------------------

TEST(Wanted, ReadsAsASentence) {
  EXPECT_EQ(Wanted().text(), "none");
  EXPECT_EQ(one(portal).text(), "portal");
  EXPECT_EQ(any_of({one(portal)}).text(), "portal");
  EXPECT_EQ(any_of({one(portal), one(kiosk)}).text(), "portal or kiosk");
  EXPECT_EQ(any_of({one(portal), all_of({one(kiosk), one(staff)})}).text(), "portal or (kiosk and staff)");
  EXPECT_EQ(all_of({any_of({one(portal), one(kiosk)}), one(staff)}).text(), "(portal or kiosk) and staff");
}

TEST(Wanted, NamesEachProofOnceInTheOrderWritten) {
  EXPECT_THAT(Wanted().proofs(), IsEmpty());
  EXPECT_THAT(any_of({one(staff), all_of({one(kiosk), one(staff)}), one(portal)}).proofs(),
              ElementsAre(staff, kiosk, portal));
  EXPECT_THAT(any_of({one(staff), one(token_proof("staff"))}).proofs(), ElementsAre(staff)) << "equal ones are one";
}

TEST(Wanted, KnowsWhetherThereIsAWayInWithoutACertificate) {
  const Wanted card = one(std::make_shared<const Proof>(Proof{.name = "card", .how = ClientCertificate{}}));
  struct Row {
    Wanted wanted;
    bool wants;
    bool needs;
  };
  for (const Row& row : std::vector<Row>{{Wanted(), false, false},
                                         {one(portal), false, false},
                                         {card, true, true},
                                         {any_of({card, one(portal)}), true, false},
                                         {all_of({card, one(portal)}), true, true},
                                         {any_of({all_of({card, one(portal)}), card}), true, true},
                                         {any_of({all_of({card, one(portal)}), one(staff)}), true, false}}) {
    EXPECT_EQ(row.wanted.wants_certificate(), row.wants) << row.wanted.text();
    EXPECT_EQ(row.wanted.needs_certificate(), row.needs) << row.wanted.text();
  }
}

TEST(Wanted, IsOpenOnlyWhereNothingIsWanted) {
  EXPECT_TRUE(Wanted().open());
  EXPECT_FALSE(one(portal).open());
}

TEST(Wanted, IsSatisfiedAsItReads) {
  const Wanted wanted = any_of({one(portal), all_of({one(kiosk), one(staff)})});
  EXPECT_TRUE(wanted.satisfied_by({portal}));
  EXPECT_TRUE(wanted.satisfied_by({staff, kiosk}));
  EXPECT_FALSE(wanted.satisfied_by({kiosk}));
  EXPECT_FALSE(wanted.satisfied_by({staff}));
  EXPECT_FALSE(wanted.satisfied_by({}));
  EXPECT_TRUE(Wanted().satisfied_by({}));
  EXPECT_TRUE(all_of({any_of({one(portal), one(kiosk)}), one(staff)}).satisfied_by({staff, kiosk}));
  EXPECT_FALSE(all_of({any_of({one(portal), one(kiosk)}), one(staff)}).satisfied_by({portal, kiosk}));
}

// New rules hold new objects: what they say is what counts.
TEST(Wanted, ComparesProofsByWhatTheySay) {
  EXPECT_TRUE(one(portal).satisfied_by({token_proof("portal")}));
  EXPECT_FALSE(one(portal).satisfied_by({token_proof("portal", "another secret")}));
  EXPECT_EQ(one(portal), one(token_proof("portal")));
  EXPECT_NE(one(portal), one(token_proof("portal", "another secret")));
  EXPECT_EQ(any_of({one(portal), one(kiosk)}), any_of({one(token_proof("portal")), one(kiosk)}));
  EXPECT_NE(any_of({one(portal), one(kiosk)}), all_of({one(portal), one(kiosk)}));
  EXPECT_NE(any_of({one(portal), one(kiosk)}), any_of({one(kiosk), one(portal)}));
  EXPECT_EQ(Wanted(), Wanted());
  EXPECT_NE(Wanted(), one(portal));
}

TEST(Wanted, HasALoginWhereOneOfItsProofsHas) {
  const auto with_login = std::make_shared<const Proof>(
      Proof{.name = "people", .how = Basic{.realm = "People"}, .cookie = SessionCookie{.login = true}});
  EXPECT_TRUE(any_of({one(portal), all_of({one(kiosk), one(with_login)})}).has_login());
  EXPECT_FALSE(any_of({one(portal), one(kiosk)}).has_login());
  EXPECT_FALSE(Wanted().has_login());
}

// --- Proof -----------------------------------------------------------------------------------------------------------

Jwt jwt_of(std::string written, std::string digest) {
  Jwt jwt;
  jwt.keys.set = std::make_shared<Source<KeySet>>("portal.jwks.json");
  jwt.keys.written = std::move(written);
  jwt.keys.digest = std::move(digest);
  return jwt;
}

TEST(Proof, KnowsItsKindAsTheRulesWriteIt) {
  EXPECT_EQ((Proof{.name = "a", .how = Basic{}}.kind()), "basic");
  EXPECT_EQ((Proof{.name = "a", .how = Jwt{}}.kind()), "jwt");
  EXPECT_EQ((Proof{.name = "a", .how = Ticket{}}.kind()), "ticket");
  EXPECT_EQ((Proof{.name = "a", .how = Token{}}.kind()), "token");
  EXPECT_EQ((Proof{.name = "a", .how = ClientCertificate{}}.kind()), "client_certificate");
  EXPECT_EQ((Proof{.name = "a", .how = Ask{}}.kind()), "ask");
}

TEST(Proof, SaysWhereItsCredentialMayStand) {
  using In = CredentialPlace::In;
  EXPECT_THAT((Proof{.name = "a", .how = Jwt{}}.credential_places()), ElementsAre(CredentialPlace{}));
  EXPECT_THAT((Proof{.name = "a", .how = Token{}}.credential_places()), ElementsAre(CredentialPlace{}));
  EXPECT_THAT((Proof{.name = "a", .how = Ticket{}}.credential_places()),
              ElementsAre(CredentialPlace{.in = In::query, .name = "ticket"}));
  EXPECT_THAT((Proof{.name = "a", .how = Basic{}}.credential_places()), IsEmpty());
  EXPECT_THAT((Proof{.name = "a", .how = Ask{}}.credential_places()), IsEmpty());
}

TEST(Proof, IsEqualWhereItSaysTheSameWhereverItStands) {
  const Proof first{.name = "portal", .place = {"a.yaml", 1, 2}, .how = jwt_of("portal.jwks.json", "one")};
  EXPECT_EQ(first, (Proof{.name = "portal", .place = {"b.yaml", 7, 8}, .how = jwt_of("portal.jwks.json", "one")}));
  EXPECT_NE(first, (Proof{.name = "Portal", .how = jwt_of("portal.jwks.json", "one")}));
  EXPECT_NE(first, (Proof{.name = "portal", .how = jwt_of("other.jwks.json", "one")}));
  EXPECT_NE(first, (Proof{.name = "portal", .how = jwt_of("portal.jwks.json", "two")}));
  EXPECT_NE(first, (Proof{.name = "portal", .how = Ticket{}}));
  Proof with_cookie = first;
  with_cookie.cookie = SessionCookie{};
  EXPECT_NE(first, with_cookie);
}

TEST(Proof, IsEqualWhereItsUsersComeFromOnePlace) {
  const auto from = [](const char* path) {
    return Basic{.realm = "Staff", .users = std::make_shared<UserSource>(path), .users_source = path};
  };
  EXPECT_EQ(from("staff.htpasswd"), from("staff.htpasswd"));
  EXPECT_NE(from("staff.htpasswd"), from("other.htpasswd"));
  Basic inline_user{.realm = "Staff", .one = Basic::One{"ada", Secret("x", "{env: A}")}};
  EXPECT_EQ(inline_user, inline_user);
  EXPECT_NE(inline_user, from("staff.htpasswd"));
  Basic another = inline_user;
  another.one->password = Secret("y", "{env: A}");
  EXPECT_NE(inline_user, another);
  another = inline_user;
  another.groups = {{"support", {"ada"}}};
  EXPECT_NE(inline_user, another);
}

TEST(Url, ReadsAsItWasWritten) {
  EXPECT_EQ((Url{.host = "127.0.0.1", .port = 9091, .target = "/verify?a=b"}.text()),
            "http://127.0.0.1:9091/verify?a=b");
  EXPECT_EQ((Url{.secure = true, .host = "portal.example.org", .port = 443, .target = "/jwks"}.text()),
            "https://portal.example.org/jwks");
  EXPECT_EQ((Url{.secure = true, .host = "::1", .port = 80, .target = "/"}.text()), "https://[::1]:80/");
  EXPECT_EQ((Url{.host = "a", .port = 80, .target = "/"}.text()), "http://a/");
}

}  // namespace
}  // namespace bascule::proof
