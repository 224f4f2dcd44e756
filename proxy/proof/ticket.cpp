#include "proxy/proof/ticket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/credential.hpp"
#include "proxy/proof/json.hpp"
#include "proxy/proof/name.hpp"

namespace bascule::proof {
namespace {

constexpr std::string_view prefix = "bt1.";
constexpr std::size_t id_bytes_min = 8;
constexpr std::size_t id_bytes_max = 64;
constexpr std::size_t word_bytes_max = 1024;  // what one of `set` stands for
constexpr std::size_t groups_max = 64;
constexpr std::size_t words_max = 64;
// Far enough for every calendar, and safe to count with.
constexpr std::uint64_t seconds_max = std::uint64_t{1} << 33U;  // the year 2242

// Each gives why the member cannot be taken, or nullptr.
using ReadMember = const char* (*)(const Json& value, TicketContent& content);

const char* read_route(const Json& value, TicketContent& content) {
  if (!value.is(Json::Kind::text) || !is_name(value.text)) { return "'route' is not the name of one"; }
  content.route = value.text;
  return nullptr;
}

const char* read_exp(const Json& value, TicketContent& content) {
  const auto seconds = parse_decimal(value.text, seconds_max);
  if (!value.is(Json::Kind::number) || !seconds) { return "'exp' is no whole number of seconds"; }
  content.expires = WallTime(std::chrono::seconds(*seconds));
  return nullptr;
}

const char* read_id(const Json& value, TicketContent& content) {
  const std::string& id = value.text;
  if (!value.is(Json::Kind::text) || id.size() < id_bytes_min || id.size() > id_bytes_max || !is_clean_text(id)) {
    return "'id' is no text of 8 to 64 bytes";
  }
  content.id = id;
  return nullptr;
}

const char* read_user(const Json& value, TicketContent& content) {
  if (!value.is(Json::Kind::text) || !is_name(value.text)) { return "'user' is no name"; }
  content.user = value.text;
  return nullptr;
}

const char* read_groups(const Json& value, TicketContent& content) {
  if (!value.is(Json::Kind::list) || value.items.size() > groups_max) { return "'groups' is no list, or a long one"; }
  for (const Json& group : value.items) {
    if (!group.is(Json::Kind::text) || !is_name(group.text)) { return "'groups' holds what is no name"; }
    content.groups.push_back(group.text);
  }
  return nullptr;
}

const char* read_address(const Json& value, TicketContent& content) {
  if (value.is(Json::Kind::text)) { content.address = Network::parse(value.text); }
  return content.address ? nullptr : "'address' is no IP address or network";
}

const char* read_set(const Json& value, TicketContent& content) {
  if (!value.is(Json::Kind::object) || value.items.size() > words_max) { return "'set' is no object, or a large one"; }
  for (std::size_t at = 0; at < value.items.size(); ++at) {
    const Json& word = value.items[at];
    const bool clean = word.is(Json::Kind::text) && word.text.size() <= word_bytes_max && is_clean_text(word.text);
    if (!clean || !is_name(value.names[at])) { return "'set' holds what is no text"; }
    content.set.emplace(value.names[at], word.text);
  }
  return nullptr;
}

struct Member {
  std::string_view name;
  ReadMember read;
};
constexpr std::array<Member, 7> members{{
    {"route", read_route},
    {"exp", read_exp},
    {"id", read_id},
    {"user", read_user},
    {"groups", read_groups},
    {"address", read_address},
    {"set", read_set},
}};

Result<TicketContent, BadTicket> read_content(std::string_view text) {
  const auto json = read_json(text, credential_bytes_max);
  if (!json || !json->is(Json::Kind::object)) { return BadTicket{"what it holds is no JSON object"}; }
  TicketContent content;
  for (std::size_t at = 0; at < json->names.size(); ++at) {
    const std::string& name = json->names[at];
    const auto* const member =
        std::find_if(members.begin(), members.end(), [&name](const Member& each) { return each.name == name; });
    if (member == members.end()) { return BadTicket{fmt::format("it has an unknown member '{}'", shown(name, 40))}; }
    if (const char* const why = member->read(json->items[at], content)) { return BadTicket{why}; }
  }
  for (const std::string_view needed : {"route", "exp"}) {
    if (json->find(needed) == nullptr) { return BadTicket{fmt::format("it has no '{}'", needed)}; }
  }
  return content;
}

long long seconds_of(WallTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

Result<TicketContent, BadTicket> read_ticket(std::string_view ticket, const std::vector<Secret>& secrets,
                                             std::chrono::seconds max_age, WallTime now) {
  if (ticket.size() > credential_bytes_max) { return BadTicket{"longer than 8 KiB"}; }
  if (!ticket.starts_with(prefix)) { return BadTicket{"no ticket: it does not begin with 'bt1.'"}; }
  const std::size_t dot = ticket.rfind('.');
  if (dot < prefix.size()) { return BadTicket{"no ticket: it is not in three parts"}; }
  const std::string_view signed_text = ticket.substr(0, dot);
  const auto signature = base64url_decoded(ticket.substr(dot + 1));
  // Nothing of it is looked at before it is known who made it.
  if (!signature || !is_signed_by_one_of(secrets, signed_text, *signature)) {
    return BadTicket{"not signed with our secret"};
  }
  const auto text = base64url_decoded(signed_text.substr(prefix.size()));
  if (!text) { return BadTicket{"what it holds is no base64url"}; }
  auto content = read_content(*text);
  if (!content) { return content; }
  if (content->expires <= now) {
    return BadTicket{fmt::format("over for {} seconds", seconds_of(now - content->expires))};
  }
  if (content->expires > now + max_age + ticket_clock_leeway) {
    return BadTicket{fmt::format("good for {} seconds more, and max_age is {}", seconds_of(content->expires - now),
                                 max_age.count())};
  }
  for (const Secret& secret : secrets) {
    if (!is_signed_by_one_of({secret}, signed_text, *signature)) { continue; }
    content->digest = sha256(fmt::format("{}\n{}", content->id, secret.bytes()));
  }
  return content;
}

std::string mint_ticket(const TicketContent& content, const Secret& secret) {
  nlohmann::ordered_json json{{"route", content.route}, {"exp", seconds_of(content.expires.time_since_epoch())}};
  if (!content.id.empty()) { json["id"] = content.id; }
  if (!content.user.empty()) { json["user"] = content.user; }
  if (!content.groups.empty()) { json["groups"] = content.groups; }
  if (content.address) { json["address"] = content.address->text(); }
  for (const auto& [name, word] : content.set) { json["set"][name] = word; }
  const std::string text = json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace);
  const std::string body = std::string(prefix) + base64url(text);
  return fmt::format("{}.{}", body, base64url(hmac_sha256(secret.bytes(), body)));
}

}  // namespace bascule::proof
