package main

import (
	"context"
	"log"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"

	"lanyard/interop/report"
)

func main() {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	// Access tokens name their resource in aud, where ID tokens name their client.
	verifier := provider.Verifier(&oidc.Config{ClientID: os.Getenv("RESOURCE")})
	report.Print(func(token string) error {
		_, err := verifier.Verify(ctx, token)
		return err
	})
}
