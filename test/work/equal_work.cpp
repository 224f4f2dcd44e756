// One attempt to come in with a wrong password, and nothing else: as a user whom the list knows, or as one it does not;
// or no attempt at all, only what comes before one. equal_work.py counts what they cost.
//
//     equal_work sha512|bcrypt known|unknown|none
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/base64.hpp"
#include "proxy/proof/password.hpp"
#include "proxy/proof/verdict.hpp"

namespace bascule::proof {
namespace {

// Lists as one program makes them: each user at the same cost, with a salt of his own.
const std::string sha512_users =
    "ada:$6$rounds=5000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/"
    "Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/\n"
    "bob:$6$rounds=5000$pepper$XAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/"
    "Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/\n"
    "eve:$6$rounds=5000$sugarcane$YAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/"
    "Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/\n";
const std::string bcrypt_users =
    "ada:$2y$05$zmau7i/vzvOq0Z4LUosHu.oeo0sxFSOt8EENUcor3Of4iyWs79Sga\n"
    "bob:$2y$05$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq\n"
    "eve:$2y$05$gcLCgesRyQpa.Smwc69reeYOyrRsbyavqot7gnEdUmmU2vQbpRPcO\n";

std::shared_ptr<const Proof> staff(const std::string& users) {
  auto source = std::make_shared<UserSource>("staff.htpasswd");
  source->put(std::make_shared<const UserList>(UserList::parse(users)));
  Proof proof{.name = "staff", .how = Basic{.realm = "Staff", .users = std::move(source)}};
  return std::make_shared<const Proof>(std::move(proof));
}

// How the attempt ends: exit code 0 says that it ended as it must.
int attempt(const std::shared_ptr<const Proof>& proof, std::string_view user, bool known) {
  wire::http::RequestHead head;
  head.fields = {{"authorization", "Basic " + base64(std::string(user) + ":a wrong password")}};
  const Keyring keyring{.cookies = {}, .stand_in = "the same in every run"};
  const Verdict verdict = judge_proof(proof, {.head = &head}, keyring, WallTime());
  const auto* const ask = std::get_if<AskPassword>(&verdict);
  if (ask == nullptr || ask->known != known) { return 1; }
  return password_matches(ask->password, ask->hash) ? 1 : 0;
}

}  // namespace
}  // namespace bascule::proof

int main(int count, char** words) {
  using namespace bascule::proof;
  const std::string_view kind = count == 3 ? words[1] : "";
  const std::string_view who = count == 3 ? words[2] : "";
  if ((kind != "sha512" && kind != "bcrypt") || (who != "known" && who != "unknown" && who != "none")) {
    std::fputs("equal_work sha512|bcrypt known|unknown|none\n", stderr);
    return 2;
  }
  const auto proof = staff(kind == "sha512" ? sha512_users : bcrypt_users);
  if (who == "none") { return 0; }
  return who == "known" ? attempt(proof, "eve", true) : attempt(proof, "zoe", false);
}
