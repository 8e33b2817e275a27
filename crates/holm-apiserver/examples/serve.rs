//! Serves an embedded cluster on the loopback interface and writes a kubeconfig: `serve FILE [PORT]`.

use holm_apiserver::ApiServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: serve FILE [PORT]")?;
    let port = arguments.next().map(|port| port.parse()).transpose()?.unwrap_or(0);
    let cluster = ApiServer::new()?;
    let listener = cluster.listen(port).await?;
    listener.write_kubeconfig(path.as_ref())?;
    std::future::pending::<()>().await;
    Ok(())
}
