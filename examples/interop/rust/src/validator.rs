use std::collections::HashMap;
use std::env::var;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = var("ISSUER")?;
    let keys: JwkSet = reqwest::blocking::get(format!("{issuer}/.well-known/jwks.json"))?.json()?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[&issuer]);
    validation.set_audience(&[var("RESOURCE")?]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let accepts = |token: &str| -> bool {
        let Ok(header) = decode_header(token) else { return false };
        let Some(jwk) = header.kid.and_then(|kid| keys.find(&kid)) else { return false };
        let Ok(key) = DecodingKey::from_jwk(jwk) else { return false };
        decode::<serde_json::Value>(token, &key, &validation).is_ok()
    };
    let tokens: HashMap<String, String> = serde_json::from_str(&var("TOKENS")?)?;
    let outcomes: HashMap<_, _> =
        tokens.iter().map(|(name, token)| (name, if accepts(token) { "accepted" } else { "refused" })).collect();
    println!("{}", serde_json::to_string(&outcomes)?);
    Ok(())
}
