package main

import (
	"log"
	"os"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"lanyard/interop/report"
)

func main() {
	issuer := os.Getenv("ISSUER")
	keys, err := keyfunc.NewDefault([]string{issuer + "/.well-known/jwks.json"})
	if err != nil {
		log.Fatal(err)
	}
	report.Print(func(token string) error {
		_, err := jwt.Parse(token, keys.Keyfunc, jwt.WithIssuer(issuer), jwt.WithAudience(os.Getenv("RESOURCE")),
			jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired())
		return err
	})
}
