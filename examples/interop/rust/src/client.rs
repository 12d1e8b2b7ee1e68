use std::env::var;

use oauth2::basic::BasicClient;
use oauth2::{ClientId, ClientSecret, Scope, TokenResponse, TokenUrl};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = BasicClient::new(ClientId::new(var("CLIENT_ID")?))
        .set_client_secret(ClientSecret::new(var("CLIENT_SECRET")?))
        .set_token_uri(TokenUrl::new(format!("{}/oauth/token", var("ISSUER")?))?);
    let http = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let token = client.exchange_client_credentials().add_scope(Scope::new("jobs:read".into())).request(&http)?;
    let url = format!("{}/jobs", var("API_URL")?);
    let response = http.get(url).bearer_auth(token.access_token().secret()).send()?;
    println!("{}", response.status().as_u16());
    Ok(())
}
