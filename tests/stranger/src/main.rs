use std::process::ExitCode;

use holm::prelude::*;

fn main() -> ExitCode {
    holm::run("shop", declare)
}

fn declare(stack: &Stack, config: &Config) -> holm::Result {
    stack.namespace("shop");
    let password = stack.generated("database-password", Password::alphanumeric(32));
    let database = stack.add(Secret::opaque("database").entry("password", &password));
    let http = Port::tcp("http", 8080);
    let server = Container::new("shop", "example.org/shop:1.4.2")
        .port(&http)
        .env("DATABASE_PASSWORD", database.key("password"))
        .readiness(Probe::http("/ready", &http));
    let shop = stack.add(Deployment::new("shop").replicas(config.parse_or("replicas", 2)?).container(server));
    let service = stack.add(Service::to(&shop, &http));
    stack.export("host", service.dns_name());
    Ok(())
}
