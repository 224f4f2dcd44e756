// Everything that reads a credential out of a request: Authorization, Cookie, query, subprotocols, one line of the
// input each. Whatever stands there, readers that see the same thing agree, and no reason repeats it. And the names in
// an authorizer's answer.
#include "proxy/proof/credential.hpp"

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/name.hpp"
#include "proxy/proof/verdict.hpp"
#include "proxy/wire/http/parameters.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using proof::CredentialPlace;
using In = CredentialPlace::In;

const std::vector<CredentialPlace> everywhere{
    {.in = In::authorization},
    {.in = In::cookie, .name = "sid"},
    {.in = In::query, .name = "token"},
    {.in = In::subprotocol, .name = "bearer"},
};

void check_basic(const wire::http::RequestHead& head) {
  const auto given = proof::find_basic(head);
  if (!given) {
    require_printable(given.error().why, "a reason is safe to print");
    return;
  }
  if (!*given) { return; }
  const auto& [user, password] = **given;
  require(!user.empty() && user.find(':') == std::string::npos, "a user has a name without a colon");
  require(is_clean_text(user) && is_clean_text(password), "user and password are text");
  const std::string encoded = base64(user + ":" + password);
  require(head.find("authorization")->ends_with(encoded), "what was read is what was written");
}

void check_credential(const wire::http::RequestHead& head, std::string_view query) {
  const proof::Presented presented{.head = &head, .query = query};
  const auto all = proof::find_credential(everywhere, presented);
  bool refused = false;
  std::vector<std::string> alone;
  for (const CredentialPlace& place : everywhere) {
    const auto one = proof::find_credential({place}, presented);
    refused = refused || !one;
    if (one && *one) { alone.push_back(**one); }
    if (!one) { require_printable(one.error().why, "a reason is safe to print"); }
  }
  for (const std::string& each : alone) {
    require(!each.empty(), "an empty text is no credential");
    refused = refused || each != alone.front();
  }
  require(refused == !all.ok(), "all places together say what each of them says, or they disagree");
  if (!all) { return; }
  require(all->has_value() == !alone.empty(), "what is found in one place is found");
  require(alone.empty() || **all == alone.front(), "and it is the same");
}

void check_first(const wire::http::RequestHead& head, std::string_view query) {
  const auto values = wire::http::cookies(head, "sid");
  const auto first = wire::http::cookie(head, "sid");
  require(first.has_value() == !values.empty(), "the first cookie is the first of all");
  require(!first || *first == values.front(), "the first cookie is the first of all");
  const auto parameters = wire::http::query_parameters(query, "token");
  const auto parameter = wire::http::query_parameter(query, "token");
  require(!parameter || (!parameters.empty() && *parameter == parameters.front()), "so is the first parameter");
}

// The same fields as an authorizer's answer: names are names, or nobody is admitted.
void check_answer(const wire::http::RequestHead& head) {
  static const auto ask = std::make_shared<const proof::Proof>(
      proof::Proof{.name = "ask", .how = proof::Ask{.user_from = "authorization", .groups_from = "cookie"}});
  const auto identity = proof::identity_of_answer(ask, head.fields);
  if (!identity) { return; }
  require(proof::is_name(identity->user), "who is admitted has a name");
  for (const std::string& group : identity->groups) { require(proof::is_name(group), "a group has a name"); }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  std::string_view text = text_of(Bytes(data, size));
  wire::http::RequestHead head;
  // As a parser would leave it: an empty line is no field.
  for (const char* name : {"authorization", "cookie", "sec-websocket-protocol", "cookie"}) {
    const std::string_view line = trimmed(take_line(text));
    if (!line.empty()) { head.fields.push_back({name, std::string(line)}); }
  }
  check_basic(head);
  check_credential(head, text);
  check_first(head, text);
  check_answer(head);
  for (const auto& field : head.fields) { static_cast<void>(proof::is_credential(field.value, everywhere)); }
  return 0;
}
