// The walk over a set of rules files: each part of them has a function that reads what is written into plain rules, and
// notes every mistake on the way. What a value looks like is config/values, which keys there are config/keys.
//
// Files are read in turns, for a route may name a listener or a service of any file: first every `listen`, then every
// `services`, then every route.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/fields.hpp"
#include "proxy/config/mistake_list.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/yaml.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/proof/proof.hpp"

namespace bascule::config {

// How logs name where a service is. It depends on what was meant, not on how it was spelled.
std::string written_of(const policy::Service& service);

class Reader {
 public:
  void add_file(const std::string& name, std::string_view text);
  // A file that could not even be opened, or what should have been one.
  void add_broken(const std::string& name, std::string why);
  // A folder of files, or another thing that decides what is read.
  void watch(const std::string& name) { watched_.push_back(name); }

  // Once, at the end.
  Result<Reading, Mistakes> read();

 private:
  struct File {
    std::string name;
    std::filesystem::path folder;  // what its relative paths are relative to
    Document document;
    std::optional<Fields> top{};
  };

  // read_rules.cpp: the files, and their top level
  void enter(const File& file);
  void open_top(File& file);
  void read_files_in_turns();
  void check_whole();
  void read_version(const Fields& top);
  void read_process(const Fields& top);

  // read_listener.cpp
  void read_listeners(const Fields& top);
  void read_listener(const YamlNode& node);
  void read_listener_map(const YamlNode& node);
  void add_listener(const YamlNode& node, policy::Listener listener);
  void read_who(const Fields& fields, policy::Listener& listener);
  std::optional<AddressSet> read_peers(const Fields& fields, const policy::Listener& listener);
  void warn_of_everybody(const Fields& fields, const AddressSet& believed);
  AddressSet read_addresses(const Fields& fields, std::string_view key);

  // read_service.cpp: `services`, and what a `to` that is a map has in common with them
  void read_services(const Fields& top);
  void read_service_map(const Fields& fields, policy::Service& service);
  void read_where(const Fields& fields, policy::Service& service);
  void read_made_address(const Fields& fields, policy::Service& service);
  void read_addresses_of(const Fields& fields, policy::Service& service);
  void check_loop(const policy::Endpoint& endpoint, const YamlNode& node, const std::string& where);
  void read_within(const Fields& fields, policy::Service& service);
  void read_choice(const Fields& fields, policy::Service& service);
  void read_health(const Fields& fields, policy::Service& service);

  // read_auth.cpp: the proofs of `auth`
  void read_proofs(const Fields& top);
  void read_proof(const YamlNode& key, const YamlNode& node);
  bool read_kind(const Fields& fields, proof::Proof& proof);
  void read_basic(const Fields& fields, proof::Proof& proof);
  void read_users_of(const Fields& fields, proof::Basic& basic);
  void read_one_user(const Fields& fields, proof::Basic& basic);
  void read_groups_of_users(const Fields& fields, proof::Basic& basic);
  void read_ticket(const Fields& fields, proof::Proof& proof);
  void read_token(const Fields& fields, proof::Proof& proof);
  void read_client_certificate(const Fields& fields, proof::Proof& proof);
  void read_session_cookie(const Fields& fields, proof::Proof& proof);
  void read_credential(const Fields& fields, std::vector<proof::CredentialPlace>& places);
  std::optional<proof::CredentialPlace> read_credential_place(const Fields& fields, const YamlNode& node);
  // The user lists of a proof have things to be warned of.
  void warn_of_users(const YamlNode& node, const std::string& name, const std::string& file,
                     const proof::UserList& users);

  // read_jwt.cpp: keys that are given or fetched, and authorizers that are asked
  void read_jwt(const Fields& fields, proof::Proof& proof);
  void read_algorithms(const Fields& fields, proof::Keys& keys);
  void read_keys(const Fields& fields, proof::Keys& keys);
  void read_key_file(const Fields& fields, proof::Keys& keys);
  void read_key_secret(const Fields& fields, proof::Keys& keys);
  void read_key_url(const Fields& fields, proof::Keys& keys);
  void read_ask(const Fields& fields, proof::Proof& proof);
  std::optional<proof::Authorities> read_authorities(const Fields& fields, std::string& path);

  // read_listener_tls.cpp: what a listener shows by TLS
  void read_listener_tls(const Fields& fields, policy::Listener& listener);
  struct PairNodes {
    std::string name;  // as a message calls the certificate
    const YamlNode* certificate = nullptr;
    const YamlNode* key = nullptr;  // null: in the same file
    const YamlNode* names = nullptr;
    const YamlNode* ocsp = nullptr;
  };
  // The nodes that a finding in the files of a `tls` may be about.
  struct TlsNodes {
    std::vector<PairNodes> certificates{};
    const YamlNode* client_ca = nullptr;
    std::vector<const YamlNode*> ticket_keys{};
  };
  void read_certificates(const Fields& fields, policy::ListenerTls& tls, TlsNodes& nodes);
  void read_certificate(const Fields& fields, const YamlNode& node, policy::ListenerTls& tls, TlsNodes& nodes);
  void read_certificate_names(const Fields& fields, policy::ListenerTls::Pair& pair);
  void read_ticket_keys(const Fields& fields, policy::ListenerTls& tls, TlsNodes& nodes);
  void read_tls_files(const Fields& fields, policy::Listener& listener, const TlsNodes& nodes);
  // Once all routes are known, and with them where a certificate is asked for.
  void make_servers();

  // read_service_tls.cpp: how a service is come to by TLS
  void read_service_tls(const Fields& fields, policy::Service& service);
  std::optional<policy::ServiceTls> read_service_tls_map(const Fields& fields, const policy::Service& service);
  void read_server_name(const Fields& fields, const policy::Service& service, policy::ServiceTls& tls);
  void make_client(const YamlNode& node, const Fields* fields, const std::string& name, policy::ServiceTls& tls);

  // read_secret.cpp: what stands outside of the rules files
  struct SecretRule {
    std::size_t bytes_min = 1;
    std::string_view example;  // the file as a message calls it: "ticket.key"
    bool one_word = false;     // stands in a field of a request
  };
  struct Outside {
    std::string bytes;
    std::string source;    // "{file: /etc/bascule/ticket.key}", "{env: TICKET_KEY}"
    std::string path{};    // of a file
    std::string called{};  // how a message calls it: "'ticket.key'", "the variable 'TICKET_KEY'"
  };
  // Of a secret white space at both ends does not count, and there must be something. A list is taken as it is.
  enum class Content : std::uint8_t { secret, list };
  std::optional<Outside> read_outside(const YamlNode& node, const std::string& name, std::size_t bytes_max,
                                      Content content);
  // Where it is kept, without a look at it.
  struct Kept {
    policy::KeptAt at;
    const YamlNode* node = nullptr;  // of the path or name
  };
  std::optional<Kept> read_kept(const YamlNode& node, const std::string& name);
  std::optional<proof::Secret> read_secret(const YamlNode& node, const std::string& name, const SecretRule& rule);
  // `secret` or `secrets`; empty where neither is written, or after a mistake.
  std::vector<proof::Secret> read_secrets(const Fields& fields, const SecretRule& rule);
  void warn_of_open_file(const YamlNode& node, const std::string& path);
  // Of a path that is relative to the file that is being read.
  std::string path_of(const std::string& written) const { return (folder_ / written).lexically_normal().string(); }

  // read_wanted.cpp: what a route asks for
  void read_auth(const Fields& fields, policy::Route& route);
  static bool asks_nobody(const Fields& fields);  // the route says 'auth: none'
  std::optional<proof::Wanted> read_wanted(const YamlNode& node, const std::string& name, std::size_t depth,
                                           std::size_t& count);
  std::optional<proof::Wanted> read_wanted_list(const YamlNode& node, proof::Wanted::Kind kind, const std::string& name,
                                                std::size_t depth, std::size_t& count);
  std::optional<proof::Wanted> read_wanted_name(const YamlNode& node, const std::string& name);

  // read_target.cpp: the `to` of a route
  bool read_to(const Fields& fields, policy::Route& route);
  std::shared_ptr<const policy::Service> service_of_text(const Fields& fields, const policy::Route& route);
  std::shared_ptr<const policy::Service> service_called(const std::string& name, const Fields& fields,
                                                        const policy::Route& route);
  void check_words(const policy::Service& service, const Fields& fields, const policy::Route& route);
  void read_lookup(const Fields& fields, policy::Service& service);
  std::shared_ptr<policy::TableSource> table_at(const std::string& written, const Fields& fields);

  // read_route.cpp: what every route has
  void read_defaults(const Fields& top);
  void read_routes(const Fields& top);
  void read_route(const YamlNode& node, std::size_t number);
  bool read_name(const Fields& fields, policy::Route& route);
  void read_allow(const Fields& fields, policy::Route& route);
  policy::AllowRule read_allow_rule(const Fields& fields, bool nameless);
  void read_claims(const Fields& fields, policy::AllowRule& rule);

  // read_match.cpp: which requests a route is for
  void read_listener_names(const Fields& fields, policy::Route& route);
  bool read_host(const Fields& fields, policy::HostRule& host);
  bool read_path(const Fields& fields, policy::PathRule& path);
  void read_conditions(const Fields& fields, policy::Route& route);
  void read_named_conditions(const Fields& match, policy::Condition::Of of, std::vector<policy::Condition>& conditions);

  // read_session.cpp: a route to a service
  void read_session(const Fields& fields, policy::Route& route);
  void read_origins(const Fields& fields, policy::OriginRule& origins);
  void read_protocol(const Fields& fields, policy::Route& route);
  void read_subprotocols(const Fields& fields, policy::Route& route);
  void read_frames(const Fields& fields, policy::FrameRule& frames);

  // read_limits.cpp: how long, how many, how fast
  void read_timeouts(const Fields& fields, policy::Timeouts& timeouts);
  void read_limits(const Fields& fields, policy::Route& route);
  void read_bandwidth(const Fields& fields, policy::Pace& pace);
  void read_page_limits(const Fields& fields, policy::Route& route, std::string_view why);

  // read_page.cpp: a route that bascule answers itself
  void read_page(const Fields& fields, policy::Route& route);
  void read_files(const Fields& fields, policy::Files& files);
  static void refuse_idle_key(const Fields& fields, std::string_view key, std::string_view why);

  std::deque<File> files_;
  std::vector<std::string> watched_;
  std::filesystem::path folder_;        // of the file that is being read
  const YamlNode* defaults_ = nullptr;  // of the file that is being read
  MistakeList mistakes_;
  MistakeList warnings_{{}, "warnings"};
  policy::Rules rules_;
  // Some file could not be read, so a name that nobody knows may stand there.
  bool incomplete_ = false;
  bool has_listen_ = false;
  bool has_routes_ = false;
  std::optional<policy::Place> process_place_;
  std::vector<std::string> listener_names_;                           // those of listeners with mistakes too
  std::map<std::string, policy::Place, std::less<>> service_places_;  // likewise
  std::map<std::string, policy::Place, std::less<>> proof_places_;    // likewise
  std::map<std::string, policy::Place, std::less<>> route_places_;    // of the names so far
  std::vector<bool> can_match_;  // of each route: its name, host and path are well, so that routes can be compared
  std::map<std::string, std::shared_ptr<policy::TableSource>, std::less<>> tables_;  // by path; null: cannot be read
  std::map<std::string, std::shared_ptr<proof::UserSource>, std::less<>> users_;     // likewise
  std::set<std::string, std::less<>> open_files_;  // of secrets, with the warning told
  const WallTime now_ = std::chrono::system_clock::now();
  std::set<std::string, std::less<>> doubts_told_;                // of files of TLS, which several may share
  std::map<std::string, tls::ServerOptions, std::less<>> shown_;  // by listener: complete but for `ask_at`
  std::vector<policy::ServiceTls> service_tls_;  // one for each set of files: services with the same share it
};

}  // namespace bascule::config
