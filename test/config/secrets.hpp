// What rules files name and hold not: secrets, lists of users, public keys. None of it opens anything anywhere.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::config {

// What no message may ever repeat: the content of every secret below.
inline const std::vector<std::string>& secret_texts() {
  static const std::vector<std::string> texts{"ticket-key-0123456789abcdef0123456789abcdef",
                                              "old-ticket-key-0123456789abcdef012345678",
                                              "cookie-key-0123456789abcdef0123456789abcdef",
                                              "old-cookie-key-0123456789abcdef012345678",
                                              "robot-token-0123456789abcdef",
                                              "old-token-0123456789abcdef",
                                              "correct horse battery staple",
                                              "jwt-secret-0123456789abcdef0123456789abcdef",
                                              "$2b$04$abcdefghijklmnopqrstuugIEnm3ZbWF6xb2GcoE3L1CoGJFMKtu."};
  return texts;
}

inline constexpr std::string_view authority_pem = R"(-----BEGIN CERTIFICATE-----
MIIBmjCCAT+gAwIBAgIUQmAifkAvVW9f4j9UzzQ2Gu0opr8wCgYIKoZIzj0EAwIw
ITEQMA4GA1UEAwwHQ2xpZW50czENMAsGA1UECgwEQWNtZTAgFw0yNjExMjMwMDA3
MDdaGA8yMTI2MTAzMDAwMDcwN1owITEQMA4GA1UEAwwHQ2xpZW50czENMAsGA1UE
CgwEQWNtZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABExSst2tKvki+O10xhTl
9NeuhkMXoR6Kftpp9iGzW2L5yZC1nYfa8b9iJ1c3ND1VQQbf577g7ZZnQ7aOLfRo
37OjUzBRMB0GA1UdDgQWBBRMdX5XV6RTHu7JSJUhg2Zpwkrf1zAfBgNVHSMEGDAW
gBRMdX5XV6RTHu7JSJUhg2Zpwkrf1zAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0kAMEYCIQChzMyqjcv/cIn418uuu7wf57dmsm52mNmnyq8vf2dMJQIhAKTQ
75JPX1hCUuploNvxJQXkHo5G7YnjhR5glFgU24AK
-----END CERTIFICATE-----
)";

// The public key of RFC 7515, appendix A.3.
inline constexpr std::string_view portal_jwks =
    R"({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"( "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";

inline void write_private(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  using Permissions = std::filesystem::perms;
  std::filesystem::permissions(file, Permissions::owner_read | Permissions::owner_write);
}

// Into FOLDER/secrets and FOLDER/certs, under the names that rules/ uses, and into the environment.
inline void write_secrets(const std::filesystem::path& folder) {
  const std::vector<std::string>& texts = secret_texts();
  const std::filesystem::path secrets = folder / "secrets";
  // As `openssl rand` and editors leave them: with a line end.
  write_private(secrets / "ticket.key", texts[0] + "\n");
  write_private(secrets / "old-ticket.key", texts[1] + "\n");
  write_private(secrets / "cookie.key", texts[2] + "\n");
  write_private(secrets / "old-cookie.key", texts[3] + "\n");
  write_private(secrets / "robot.token", texts[4] + "\n");
  write_private(secrets / "jwt.key", texts[7] + "\n");
  write_private(secrets / "staff.htpasswd", "ada:" + texts[8] + "\nbob:" + texts[8] + "\n");
  write_private(secrets / "portal.jwks.json", portal_jwks);
  for (const char* name : {"portal-ca.pem", "clients-ca.pem", "sso-ca.pem"}) {
    write_private(folder / "certs" / name, authority_pem);
  }
  setenv("OLD_TOKEN", texts[5].c_str(), 1);
  setenv("BOSS_PASSWORD", texts[6].c_str(), 1);
}

}  // namespace bascule::config
