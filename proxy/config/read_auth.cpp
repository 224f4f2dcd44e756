// `auth`: proofs with names of their own, each of one kind.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/auth_words.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using namespace std::chrono_literals;
using proof::Basic;
using proof::ClientCertificate;
using proof::CredentialPlace;
using proof::Proof;
using proof::UserList;
using UserFrom = ClientCertificate::UserFrom;

namespace {

constexpr std::size_t key_bytes_min = 32;    // as many as SHA-256 gives
constexpr std::size_t token_bytes_min = 16;  // what nobody guesses
constexpr auto ticket_age_max = 24h;         // a ticket is for coming in, not for staying
constexpr auto cookie_age_max = 8760h;
constexpr std::size_t password_bytes_max = 512;
constexpr std::size_t names_shown = 3;

constexpr std::array<std::pair<std::string_view, UserFrom>, 5> parts_of_certificates{
    {{"subject.CN", UserFrom::subject_cn},
     {"subject", UserFrom::subject_dn},
     {"san.email", UserFrom::san_email},
     {"san.dns", UserFrom::san_dns},
     {"san.uri", UserFrom::san_uri}}};

struct Kind {
  std::string_view name;
  Section section;
  std::string_view example;
};
constexpr std::array kinds{
    Kind{"basic", Section::basic, "basic: {users: {file: staff.htpasswd}}"},
    Kind{"jwt", Section::jwt, "jwt: {keys: portal.jwks.json, issuer: \"https://portal.example.org\"}"},
    Kind{"ticket", Section::ticket, "ticket: {secret: {file: ticket.key}}"},
    Kind{"token", Section::token, "token: {secret: {file: robot.token}, user: robot}"},
    Kind{"client_certificate", Section::client_certificate, "client_certificate: {user_from: subject.CN}"},
    Kind{"ask", Section::ask, "ask: {url: \"http://127.0.0.1:9091/verify\", pass: [cookie], user_from: x-user}"}};

constexpr std::string_view all_kinds = "basic, jwt, ticket, token, client_certificate or ask";

// "'ada', 'bob', 'eve' and 4 more"
std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  const std::size_t count = std::min(names.size(), names_shown);
  for (std::size_t i = 0; i < count; ++i) { text += fmt::format("{}'{}'", i == 0 ? "" : ", ", shown(names[i], 40)); }
  if (names.size() > count) { text += fmt::format(" and {} more", names.size() - count); }
  return text;
}

}  // namespace

// --- the map of proofs -----------------------------------------------------------------------------------------------

void Reader::read_proofs(const Fields& top) {
  const YamlNode* node = top.find("auth");
  if (node == nullptr) { return; }
  if (node->kind != YamlNode::Kind::map) {
    top.mistake(*node, "'auth' is a map of names: auth: {staff: {basic: {users: {file: staff.htpasswd}}}}");
    return;
  }
  for (const auto& [key, value] : named_entries(mistakes_, *node, "'auth'")) {
    if (!key->text.starts_with("x-")) { read_proof(*key, *value); }
  }
}

void Reader::read_proof(const YamlNode& key, const YamlNode& node) {
  if (const auto name = parse_proof_name(key.text); !name) {
    mistakes_.add(key, fmt::format("'auth': {}", name.error().text));
    return;
  }
  const auto [first, is_new] = proof_places_.emplace(key.text, mistakes_.place_of(key));
  if (!is_new) {
    mistakes_.add(key, fmt::format("the name '{}' is used twice; the first proof of that name is {}", key.text,
                                   whereabouts(first->second, mistakes_.file())));
    return;
  }
  if (node.kind != YamlNode::Kind::map) {
    mistakes_.add(node.kind == YamlNode::Kind::nothing ? key : node,
                  fmt::format("proof '{0}' is a map: {0}: {{basic: {{users: {{file: staff.htpasswd}}}}}}", key.text));
    return;
  }
  const Fields fields(mistakes_, node, Section::proof, fmt::format("proof '{}'", key.text));
  auto proof = std::make_shared<Proof>();
  proof->name = key.text;
  proof->place = mistakes_.place_of(key);
  if (!read_kind(fields, *proof)) { return; }
  read_session_cookie(fields, *proof);
  rules_.proofs.emplace(key.text, std::move(proof));
}

// False where it is of none; what else is wrong is among the mistakes.
bool Reader::read_kind(const Fields& fields, Proof& proof) {
  std::vector<const Kind*> written;
  for (const Kind& kind : kinds) {
    if (fields.find(kind.name) != nullptr) { written.push_back(&kind); }
  }
  if (written.empty()) {
    fields.mistake(fields.node(), fmt::format("{} has no kind; it is {}", fields.where(), all_kinds));
    return false;
  }
  if (written.size() > 1) {
    fields.mistake(*fields.find(written[1]->name),
                   fmt::format("{} has both '{}' and '{}'; a proof is of one kind, and a route may ask for several",
                               fields.where(), written[0]->name, written[1]->name));
    return false;
  }
  const Kind& kind = *written.front();
  const auto map = fields.map(kind.name, kind.section, kind.example);
  if (!map) { return false; }
  switch (kind.section) {
    case Section::basic: read_basic(*map, proof); break;
    case Section::jwt: read_jwt(*map, proof); break;
    case Section::ticket: read_ticket(*map, proof); break;
    case Section::token: read_token(*map, proof); break;
    case Section::client_certificate: read_client_certificate(*map, proof); break;
    default: read_ask(*map, proof); break;
  }
  return true;
}

// --- basic -----------------------------------------------------------------------------------------------------------

void Reader::read_basic(const Fields& fields, Proof& proof) {
  Basic basic;
  basic.realm = proof.name;
  if (const auto realm = fields.value("realm", parse_realm)) { basic.realm = *realm; }
  const bool one = fields.find("user") != nullptr || fields.find("password") != nullptr;
  const YamlNode* users = fields.find("users");
  if (one && users != nullptr) {
    fields.mistake(*users,
                   fmt::format("{} has both 'users' and a user of its own; it needs one of them", fields.where()));
  } else if (one) {
    read_one_user(fields, basic);
  } else if (users != nullptr) {
    read_users_of(fields, basic);
  } else {
    fields.mistake(fields.node(), fmt::format("{} has no 'users'; who are they? users: {{file: staff.htpasswd}}, which "
                                              "`bascule password ada >> staff.htpasswd` writes",
                                              fields.where()));
  }
  read_groups_of_users(fields, basic);
  proof.how = std::move(basic);
}

void Reader::read_users_of(const Fields& fields, Basic& basic) {
  const YamlNode& node = *fields.find("users");
  const std::string name = fields.name_of("users");
  if (node.kind == YamlNode::Kind::text) {
    // A plain path would be public material, and hashes are none.
    fields.mistake(node, fmt::format("{}: hashes of passwords are secret; write {{file: staff.htpasswd}}", name));
    return;
  }
  const auto outside = read_outside(node, name, UserList::bytes_max, Content::list);
  if (!outside) { return; }
  basic.users_source = outside->source;
  std::shared_ptr<proof::UserSource>& known = users_[outside->source];
  if (known == nullptr) {
    auto users = UserList::parse(outside->bytes);
    warn_of_users(node, name, outside->path, users);
    known = std::make_shared<proof::UserSource>(outside->path);
    known->put(std::make_shared<const UserList>(std::move(users)));
  }
  basic.users = known;
}

void Reader::warn_of_users(const YamlNode& node, const std::string& name, const std::string& file,
                           const UserList& users) {
  for (const UserList::Complaint& complaint : users.complaints()) {
    const auto place =
        file.empty() ? mistakes_.place_of(node) : policy::Place{.file = file, .line = complaint.line, .column = 1};
    warnings_.add_at(place, complaint.text);
  }
  if (users.size() == 0) {
    warnings_.add(node, fmt::format("{}: there is nobody in it, so nobody can come in; `bascule password ada` makes a "
                                    "line of it",
                                    name));
  }
  if (!users.weak().empty()) {
    warnings_.add(node, fmt::format("{}: the hashes of {} are weak by today's measure; `bascule password` makes better "
                                    "ones",
                                    name, some_of(users.weak())));
  }
}

void Reader::read_one_user(const Fields& fields, Basic& basic) {
  for (const std::string_view key : {"user", "password"}) {
    if (fields.find(key) != nullptr) { continue; }
    fields.mistake(fields.node(), fmt::format("{} has no '{}'; 'user: boss' and 'password: {{env: BOSS_PASSWORD}}' go "
                                              "together",
                                              fields.where(), key));
  }
  const auto user = fields.value("user", parse_user);
  if (user && user->find(':') != std::string::npos) {
    fields.mistake(*fields.find("user"), fmt::format("{}: a user of 'basic' has no ':' in it, for the password begins "
                                                     "behind it",
                                                     fields.name_of("user")));
  }
  const YamlNode* password = fields.find("password");
  if (password == nullptr) { return; }
  const std::string name = fields.name_of("password");
  const auto outside = read_outside(*password, name, password_bytes_max, Content::secret);
  if (!outside) { return; }
  if (!outside->path.empty()) { watch(outside->path); }
  const bool sayable = std::none_of(outside->bytes.begin(), outside->bytes.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
  if (!sayable) {
    fields.mistake(*password, fmt::format("{}: {} has a control character or a line end in it, which nobody can send",
                                          name, outside->called));
    return;
  }
  if (user) { basic.one = Basic::One{.user = *user, .password = proof::Secret(outside->bytes, outside->source)}; }
}

void Reader::read_groups_of_users(const Fields& fields, Basic& basic) {
  const YamlNode* node = fields.find("groups");
  if (node == nullptr) { return; }
  const std::string where = fields.name_of("groups");
  if (node->kind != YamlNode::Kind::map || node->entries.empty()) {
    fields.mistake(*node,
                   fmt::format("{} is a map from groups to their users: groups: {{support: [ada, bob]}}", where));
    return;
  }
  for (const auto& [key, value] : named_entries(mistakes_, *node, where)) {
    const std::string name = fmt::format("'{}' of {}", shown(key->text, 80), where);
    std::vector<const YamlNode*> users;
    if (value->kind == YamlNode::Kind::list) {
      users = value->items;
    } else {
      users = {value};
    }
    if (users.empty()) { fields.mistake(*value, fmt::format("{} is empty; who is in it?", name)); }
    std::vector<std::string>& members = basic.groups[key->text];
    for (const YamlNode* user : users) {
      if (expect_text(mistakes_, *user, name, "users")) { members.push_back(user->text); }
    }
  }
}

// --- ticket, token ---------------------------------------------------------------------------------------------------

void Reader::read_ticket(const Fields& fields, Proof& proof) {
  proof::Ticket ticket;
  ticket.secrets = read_secrets(fields, {.bytes_min = key_bytes_min, .example = "ticket.key"});
  if (fields.find("secret") == nullptr && fields.find("secrets") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'secret'; `openssl rand -hex 32 > ticket.key` makes one: "
                                              "secret: {{file: ticket.key}}",
                                              fields.where()));
  }
  if (const std::string* age = fields.text("max_age")) {
    const auto time = fields.accept(*fields.find("max_age"), "max_age", parse_seconds(*age, ticket_age_max));
    if (time) { ticket.max_age = *time; }
  }
  if (const auto single = fields.flag("single_use")) { ticket.single_use = *single; }
  read_credential(fields, ticket.credential);
  proof.how = std::move(ticket);
}

void Reader::read_token(const Fields& fields, Proof& proof) {
  proof::Token token;
  token.secrets = read_secrets(fields, {.bytes_min = token_bytes_min, .example = "robot.token", .one_word = true});
  if (fields.find("secret") == nullptr && fields.find("secrets") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'secret'; `openssl rand -hex 32 > robot.token` makes one: "
                                              "secret: {{file: robot.token}}",
                                              fields.where()));
  }
  if (fields.find("user") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'user'; who comes in with it? 'user: robot'", fields.where()));
  } else if (const auto user = fields.value("user", parse_user)) {
    token.user = *user;
  }
  fields.refuse_empty("groups", "; leave it out for none");
  for (const YamlNode* item : fields.texts("groups")) {
    if (const auto group = fields.accept(*item, "groups", parse_user(item->text))) { token.groups.push_back(*group); }
  }
  read_credential(fields, token.credential);
  proof.how = std::move(token);
}

// --- where a credential stands ---------------------------------------------------------------------------------------

void Reader::read_credential(const Fields& fields, std::vector<CredentialPlace>& places) {
  const YamlNode* node = fields.find("credential");
  if (node == nullptr) { return; }
  fields.refuse_empty("credential", "; [header, {query: token}]");
  std::vector<const YamlNode*> nodes{node};
  if (node->kind == YamlNode::Kind::list) { nodes = node->items; }
  std::vector<CredentialPlace> written;
  for (const YamlNode* item : nodes) {
    auto place = read_credential_place(fields, *item);
    if (!place) { continue; }
    if (std::find(written.begin(), written.end(), *place) != written.end()) {
      fields.mistake(*item, fmt::format("{}: this place stands there twice", fields.name_of("credential")));
    }
    written.push_back(std::move(*place));
  }
  places = std::move(written);
}

std::optional<CredentialPlace> Reader::read_credential_place(const Fields& fields, const YamlNode& node) {
  constexpr std::array<std::string_view, 4> named{"cookie", "query", "subprotocol", "header"};
  const std::string name = fields.name_of("credential");
  constexpr std::string_view all = "there are header, {cookie: x}, {query: x}, {subprotocol: x} and {header: x}";
  if (node.kind == YamlNode::Kind::text) {
    if (node.text == "header") { return CredentialPlace(); }
    const bool nameless = std::find(named.begin(), named.end(), node.text) != named.end();
    fields.mistake(node,
                   nameless ? fmt::format("{0}: '{1}' has a name: {{{1}: token}}", name, node.text)
                            : fmt::format("{}: '{}' is no place of a credential; {}", name, shown(node.text, 40), all));
    return std::nullopt;
  }
  const bool one = node.kind == YamlNode::Kind::map && node.entries.size() == 1;
  if (!one || std::find(named.begin(), named.end(), node.entries.front().first->text) == named.end()) {
    fields.mistake(node, fmt::format("{}: this is no place of a credential; {}", name, all));
    return std::nullopt;
  }
  const auto& [in, value] = node.entries.front();
  if (!expect_text(mistakes_, *value, fmt::format("'{}' of {}", in->text, name), "one word")) { return std::nullopt; }
  return fields.accept(*value, "credential", parse_credential_place(in->text, value->text));
}

// --- client certificates ---------------------------------------------------------------------------------------------

void Reader::read_client_certificate(const Fields& fields, Proof& proof) {
  ClientCertificate certificate;
  if (const auto part = fields.word("user_from", parts_of_certificates)) { certificate.user_from = *part; }
  fields.refuse_empty("issuers", ", so nobody could come in; leave it out for all of them");
  for (const YamlNode* item : fields.texts("issuers")) {
    if (item->text.empty()) { fields.mistake(*item, fmt::format("{} is empty", fields.name_of("issuers"))); }
    certificate.issuers.push_back(item->text);
  }
  fields.refuse_empty("fingerprints", ", so nobody could come in; leave it out for all of them");
  for (const YamlNode* item : fields.texts("fingerprints")) {
    if (auto fingerprint = fields.accept(*item, "fingerprints", parse_fingerprint(item->text))) {
      certificate.fingerprints.push_back(std::move(*fingerprint));
    }
  }
  certificate.authorities = read_authorities(fields, certificate.authorities_path);
  proof.how = std::move(certificate);
}

// --- session cookies -------------------------------------------------------------------------------------------------

void Reader::read_session_cookie(const Fields& fields, Proof& proof) {
  const auto written = fields.map("session_cookie", Section::session_cookie,
                                  "session_cookie: {max_age: 8h, secret: {file: cookie.key}}");
  if (!written) { return; }
  const YamlNode& node = written->node();
  if (std::holds_alternative<ClientCertificate>(proof.how)) {
    fields.mistake(node, fmt::format("{} does nothing, for the certificate comes with every connection",
                                     fields.name_of("session_cookie")));
    return;
  }
  if (std::holds_alternative<proof::Ask>(proof.how)) {
    fields.mistake(
        node, fmt::format("{} does nothing, for the authorizer has its own cookie", fields.name_of("session_cookie")));
    return;
  }
  proof::SessionCookie cookie;
  if (const std::string* age = written->text("max_age")) {
    const auto time = written->accept(*written->find("max_age"), "max_age", parse_seconds(*age, cookie_age_max));
    if (time) { cookie.max_age = *time; }
  }
  cookie.secrets = read_secrets(*written, {.bytes_min = key_bytes_min, .example = "cookie.key"});
  if (const auto login = written->flag("login")) { cookie.login = *login; }
  if (cookie.login && !std::holds_alternative<Basic>(proof.how)) {
    written->mistake(*written->find("login"), fmt::format("{}: a page to log in asks for user and password, and only "
                                                          "'basic' has users",
                                                          written->name_of("login")));
  }
  proof.cookie = std::move(cookie);
}

}  // namespace bascule::config
