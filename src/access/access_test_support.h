// Access over a real store: what one request may and may not do, and that every change is seen by the very
// next one.

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "access/administrator.h"
#include "access/registry_token.h"
#include "access/store_access.h"
#include "access/token_keys.h"
#include "base/encoding.h"
#include "base/ids.h"
#include "metadata/identities.h"
#include "sigv4/sign.h"

namespace entrepot::access {

using namespace std::chrono_literals;
using metadata::WriteTransaction;

inline const AccountId kAccount = AccountId::Trusted("123456789012");
inline const RegistryName kRegistry{kAccount, Region::Trusted("us-west-2")};

// A request head and the text that it points to.
class Request {
 public:
  Request& Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  http::RequestHead Head() {
    views_.clear();
    for (const auto& [name, value] : fields_) views_.push_back({name, value});
    http::RequestHead head;
    head.method = http::Method::kPost;
    head.method_text = "POST";
    head.path = "/";
    head.query = query;
    head.host = "localhost:5000";
    head.headers = views_;
    head.peer = &peer;
    return head;
  }

  std::string query;
  http::Peer peer{.address = "10.1.2.3"};

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
  std::vector<http::HeaderField> views_;
};

class StoreAccessTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("entrepot-access-" + NewUuid());
    std::filesystem::create_directory(folder_);
    metadata::StoreOptions options;
    options.url = "sqlite:" + (folder_ / "entrepot.db").string();
    options.clock = &clock_;
    auto store = metadata::OpenStore(options);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = *std::move(store);
    Restart();
    admin_ = EnsureAdministrator(*store_, secrets_, kAccount).value().value();
  }
  void TearDown() override {
    access_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Restart(AccessOptions options = {}) {
    access_ = MakeAccess(*store_, secrets_, clock_, std::move(options)).value();
  }

  // ---- signed requests

  Request Signed(const AccessKey& key, std::string_view service = "ecr",
                 std::string_view region = "us-west-2", std::string_view session = "") {
    Request request;
    request.Add("Host", "localhost:5000")
        .Add("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories");
    const std::vector<sigv4::Header> headers{
        {"Host", "localhost:5000"},
        {"X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"}};
    const sigv4::Signer signer{key.id, key.secret, session, region, service};
    for (auto& [name, value] :
         sigv4::SignHeaders({"POST", "/", "", headers}, AsBytes(kBody), signer, clock_.Now()))
      request.Add(name, value);
    return request;
  }
  Result<SignedCaller> Authenticate(Request request, const SignatureScope& scope = {"ecr"},
                                    std::string_view body = kBody) {
    return access_->AuthenticateSigned(request.Head(), body, scope);
  }
  ErrorCode SignedCode(Request request, const SignatureScope& scope = {"ecr"}) {
    const auto caller = Authenticate(std::move(request), scope);
    return caller ? ErrorCode::kInternal : caller.error().code();
  }

  // ---- registry tokens

  static Request Basic(const std::string& password, const std::string& user = "AWS") {
    return std::move(Request().Add("Authorization", "Basic " + Base64Encode(AsBytes(user + ":" + password))));
  }
  std::string Token() { return access_->IssueRegistryToken(*AdminCaller(), kRegistry)->password; }
  Result<RegistryCaller> LogIn(const std::string& password) {
    Request request = Basic(password);
    return access_->AuthenticateRegistry(request.Head());
  }
  ErrorCode LogInCode(const std::string& password) {
    const auto caller = LogIn(password);
    return caller ? ErrorCode::kInternal : caller.error().code();
  }
  bool Remembers(const std::string& password) {
    Request request = Basic(password);
    return access_->TryAuthenticateRegistry(request.Head()) != nullptr;
  }

  CallerPtr AdminCaller() { return Authenticate(Signed(admin_))->caller; }

  template <class Closure>
  void Change(Closure closure) {
    ASSERT_TRUE(store_->Write([&](WriteTransaction& transaction) -> Result<> {
      TRY(closure(transaction));
      return {};
    }));
  }
  void SetActive(bool active) {
    Change([&](WriteTransaction& transaction) {
      return metadata::SetAccessKeyActive(transaction, admin_.id, active);
    });
  }
  void DeleteAdmin() {
    const std::string id = AdminCaller()->unique_id;
    Change([&](WriteTransaction& transaction) { return metadata::DeleteUser(transaction, kAccount, id); });
  }
  void PutPolicy(std::string_view document) {
    const std::string id = AdminCaller()->unique_id;
    Change([&](WriteTransaction& transaction) {
      return metadata::PutUserPolicy(transaction, kAccount, id, "AdministratorAccess", document);
    });
  }

  static constexpr std::string_view kBody = R"({"maxResults":1})";
  static SealingKeys NewSealingKeys() {
    return SealingKeys({std::string(SealingKeys::kIdLength, '0'), SecretKey::Generate()});
  }
  const AccessSecrets secrets_{NewSealingKeys(), NewSealingKeys()};
  ManualClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<metadata::Store> store_;
  std::unique_ptr<Access> access_;
  AccessKey admin_;
};

}  // namespace entrepot::access
