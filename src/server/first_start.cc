#include "server/first_start.h"

#include <fmt/format.h>

namespace entrepot::server {
namespace {

std::string Authority(const std::string& url) { return url.substr(url.find("://") + 3); }

std::string FirstPush(const Greeting& greeting) {
  const std::string registry = Authority(greeting.client.endpoint_url);
  return fmt::format(R"sh(
Push a first image (copy these lines into a shell):
  eval "$(entrepot env --data-dir {})"
  aws ecr create-repository --repository-name hello
  aws ecr get-login-password | docker login --username AWS --password-stdin {}
  docker pull busybox && docker tag busybox {}/hello:v1
  docker push {}/hello:v1
)sh",
                     ShellQuote(greeting.data_dir.string()), registry, registry, registry);
}

}  // namespace

std::string GreetingText(const Greeting& greeting) {
  std::string text = "Entrepot listens on";
  for (const HostPort& address : greeting.listening)
    text += fmt::format(" {}://{}", greeting.tls ? "https" : "http", address.ToString());
  text += fmt::format("\nCredentials: {}\n", greeting.credentials.string());
  if (!greeting.client.ca_bundle.empty())
    text += fmt::format("Certificate authority for clients to trust: {}\n", greeting.client.ca_bundle);
  if (greeting.first_start) text += FirstPush(greeting);
  return text;
}

}  // namespace entrepot::server
