package main

import (
	"context"
	"log"
	"os"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"lanyard/interop/report"
)

func main() {
	issuer := os.Getenv("ISSUER")
	keys, err := jwk.Fetch(context.Background(), issuer+"/.well-known/jwks.json")
	if err != nil {
		log.Fatal(err)
	}
	report.Print(func(token string) error {
		_, err := jwt.Parse([]byte(token), jwt.WithKeySet(keys), jwt.WithIssuer(issuer),
			jwt.WithAudience(os.Getenv("RESOURCE")))
		return err
	})
}
